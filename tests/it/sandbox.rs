//! `dixaform sandbox`, from the command line.
