//! `dixaform readme`, from the command line.
