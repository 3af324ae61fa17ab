//! `dixaform validate`, from the command line.
