//! `dixaform plan`, from the command line.
