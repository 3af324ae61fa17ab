#![cfg(unix)]

use super::*;

#[test]
fn builds_of_one_size_and_time_are_not_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let builds = ["one", "two"].map(|name| {
        let path = folder.path().join(name);
        fs::write(&path, name).expect("written");
        let file = fs::File::options().write(true).open(&path).expect("there");
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(1)).expect("set");
        build_of(&path).expect("a file")
    });
    assert!(builds.iter().all(|build| build.starts_with("3 1000000000 ")), "{builds:?}");
    assert_ne!(builds[0], builds[1]);
    assert_eq!(build_of(&folder.path().join("one")).as_ref(), Some(&builds[0]));
}

#[test]
fn a_pipe_in_its_place_is_none_and_is_not_waited_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let state = folder.path().join("staging.json");
    let path = path_beside(&state);
    fs::create_dir(path.parent().expect("a folder")).expect("made");
    let made = std::process::Command::new("mkfifo").arg(&path).status().expect("started");
    assert!(made.success());
    let (loaded, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || loaded.send(Index::load(&state).is_some()));
    assert!(!told.recv_timeout(std::time::Duration::from_secs(10)).expect("an answer"));
}
