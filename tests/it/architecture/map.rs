//! The map in `src/lib.rs`, and whether the code is as it says.

use std::collections::{BTreeMap, BTreeSet};

use super::nothing_breaks;
use super::sources::{Definitions, File, sources};

const MAP: &str = include_str!("../../../src/lib.rs");

/// Words of the table that stand for several modules.
const NOUNS: &str = "nouns";
const EVERYTHING: &str = "everything";
const NOTHING: &str = "nothing";

/// One row of the table "Who may use whom".
struct Row {
    modules: Vec<String>,
    /// Names of modules, and [`NOUNS`], [`EVERYTHING`] or [`NOTHING`].
    uses: Vec<String>,
}

/// What is between backticks, and the words that stand for several modules.
fn names(cell: &str) -> Vec<String> {
    cell.split(',')
        .map(|name| {
            let name = name.trim();
            let bare = name.trim_matches('`');
            let is_class = [NOUNS, EVERYTHING, NOTHING].contains(&name);
            assert!(is_class || name == format!("`{bare}`"), "`{name}` in the table of src/lib.rs is not a module");
            bare.to_owned()
        })
        .collect()
}

fn table() -> Vec<Row> {
    let section = MAP.split("//! # Who may use whom").nth(1).expect("the table").split("//! # ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("//! | "));
    let cells = rows.map(|row| row.split(" | ").collect::<Vec<_>>()).skip(1);
    cells
        .filter(|cells| !cells[0].starts_with("---"))
        .map(|cells| Row { modules: names(cells[0]), uses: names(cells[1]) })
        .collect()
}

/// The modules listed under "Nouns".
pub fn nouns() -> BTreeSet<String> {
    let list = MAP.split("//! Nouns, ").nth(1).expect("the nouns").split("//!\n//! Pure core").next().unwrap();
    let items = list.lines().filter_map(|line| line.strip_prefix("//! - "));
    let names = items.map(|item| item.split(": ").next().unwrap());
    names.flat_map(|names| names.split(", ").map(|name| name.trim_matches(['[', ']', '`']).to_owned())).collect()
}

/// Whose row of the table is a module's.
fn row_name<'m>(module: &'m str, nouns: &BTreeSet<String>) -> &'m str {
    if nouns.contains(module) { NOUNS } else { module }
}

/// Each use of one module by another, with its place.
fn arrows(files: &[File]) -> Vec<(String, String, String)> {
    let mut arrows = Vec::new();
    for file in files.iter().filter(|file| file.module != "main") {
        for (line, path) in file.uses().into_iter().filter(|(_, path)| path[0] != file.module) {
            arrows.push((file.module.clone(), path[0].clone(), format!("{}:{line}", file.name)));
        }
    }
    arrows
}

#[test]
fn every_module_uses_only_those_that_the_map_allows() {
    let (table, nouns) = (table(), nouns());
    let may_use = |from: &str, to: &str| {
        table
            .iter()
            .filter(|row| row.modules.iter().any(|module| module == row_name(from, &nouns)))
            .any(|row| row.uses.iter().any(|one| one == EVERYTHING || one == row_name(to, &nouns)))
    };
    let broken: Vec<String> = arrows(&sources())
        .into_iter()
        .filter(|(from, to, _)| !may_use(from, to))
        .map(|(from, to, place)| format!("{place}: `{from}` uses `{to}`"))
        .collect();
    nothing_breaks("The table \"Who may use whom\" in src/lib.rs does not allow this", &broken);
}

#[test]
fn every_arrow_of_the_map_is_used() {
    let nouns = nouns();
    let used: BTreeSet<(String, String)> = arrows(&sources())
        .into_iter()
        .map(|(from, to, _)| (row_name(&from, &nouns).to_owned(), row_name(&to, &nouns).to_owned()))
        .collect();
    let mut idle = Vec::new();
    for row in table() {
        for (from, to) in row.modules.iter().flat_map(|from| row.uses.iter().map(move |to| (from, to))) {
            let is_class = [EVERYTHING, NOTHING].contains(&to.as_str());
            if !is_class && !used.contains(&(from.clone(), to.clone())) {
                idle.push(format!("`{from}` does not use `{to}`"));
            }
        }
    }
    nothing_breaks("The table \"Who may use whom\" in src/lib.rs has arrows that nothing needs", &idle);
}

#[test]
fn the_map_has_every_module_and_no_other() {
    let found: BTreeSet<String> =
        sources().into_iter().map(|file| file.module).filter(|name| name != "lib" && name != "main").collect();
    let nouns = nouns();
    let rows: Vec<String> = table().into_iter().flat_map(|row| row.modules).collect();
    let listed: BTreeSet<String> = nouns.iter().chain(rows.iter().filter(|name| *name != NOUNS)).cloned().collect();
    assert_eq!(found, listed, "the modules, and those of the table and the list of nouns");
    let explained = |name: &String| MAP.contains(&format!("[`{name}`]"));
    assert!(found.iter().all(explained), "each module has a line in src/lib.rs that says what it is");
    assert_eq!(rows.len(), rows.iter().collect::<BTreeSet<_>>().len(), "each has one row: {rows:?}");
}

#[test]
fn modules_form_no_circle() {
    let graph = graph(arrows(&sources()).into_iter().map(|(from, to, _)| (from, to)));
    let circles: Vec<String> = circles(&graph).iter().map(|circle| circle.join(", ")).collect();
    nothing_breaks("These modules use each other in a circle", &circles);
}

#[test]
fn files_of_a_module_form_no_circle() {
    let files = sources();
    let definitions = Definitions::of(&files);
    let mut arrows = Vec::new();
    for file in files.iter().filter(|file| !file.is_tests && !file.name.ends_with("/mod.rs")) {
        for (_, path) in file.uses() {
            let Some(to) = definitions.file_of(&path) else { continue };
            if to.module == file.module && to.name != file.name {
                arrows.push((file.name.clone(), to.name.clone()));
            }
        }
    }
    let found: Vec<String> = circles(&graph(arrows.into_iter())).iter().map(|circle| circle.join(", ")).collect();
    nothing_breaks("These files use each other in a circle", &found);
}

type Graph = BTreeMap<String, BTreeSet<String>>;

fn graph(arrows: impl Iterator<Item = (String, String)>) -> Graph {
    let mut graph = Graph::new();
    for (from, to) in arrows {
        graph.entry(from).or_default().insert(to);
    }
    graph
}

/// Sets of nodes that reach each other.
fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let reach: BTreeMap<&String, BTreeSet<&String>> = graph.keys().map(|node| (node, reached(graph, node))).collect();
    let reaches = |from: &String, to: &String| reach.get(from).is_some_and(|all| all.contains(to));
    let mut circles: Vec<Vec<String>> = Vec::new();
    for node in graph.keys().filter(|node| reaches(node, node)) {
        match circles.iter_mut().find(|circle| reaches(node, &circle[0]) && reaches(&circle[0], node)) {
            Some(circle) => circle.push(node.clone()),
            None => circles.push(vec![node.clone()]),
        }
    }
    circles
}

/// Everything that can be reached from a node by one arrow or more.
fn reached<'g>(graph: &'g Graph, from: &String) -> BTreeSet<&'g String> {
    let mut all = BTreeSet::new();
    let mut next: Vec<&String> = graph.get(from).into_iter().flatten().collect();
    while let Some(node) = next.pop() {
        if all.insert(node) {
            next.extend(graph.get(node).into_iter().flatten());
        }
    }
    all
}

#[test]
fn a_circle_is_found_whatever_hangs_on_it() {
    let arrows = [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("e", "e")];
    let graph = graph(arrows.into_iter().map(|(from, to)| (from.to_owned(), to.to_owned())));
    assert_eq!(circles(&graph), [vec!["b".to_owned(), "c".to_owned()], vec!["e".to_owned()]]);
}
