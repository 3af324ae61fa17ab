//! dixaform

pub mod access;
pub mod conversation;
pub mod desired;
pub mod digest;
pub mod duration;
pub mod finding;
pub mod json;
pub mod reporter;
pub mod shape;
pub mod source;
pub mod value;

pub mod journal;
pub mod manifest;
pub mod plan;
pub mod project;
pub mod render;
pub mod state;
pub mod yaml;

pub mod api;
pub mod sandbox;
pub mod workspace;

pub mod apply;
pub mod cli;
