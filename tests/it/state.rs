//! `dixaform state`, from the command line.
