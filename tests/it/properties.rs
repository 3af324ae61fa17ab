//! `dixaform properties`, from the command line.
