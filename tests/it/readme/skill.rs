//! What `dixaform skill` prints for agents is a script too.

use crate::readme::read;
use crate::readme::script::Reader;

/// The fingerprint is the one that a person would have read.
#[test]
fn every_command_of_the_skill_runs() {
    let skill = read("src/cli/skill.md");
    let mut reader = Reader::new("src/cli/skill.md");
    assert_eq!(reader.run("dixaform skill").stdout, skill);
    let (mut inside, mut commands) = (false, 0);
    for line in skill.lines().map(str::trim) {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            command if inside => {
                let plan = std::fs::read_to_string(reader.workspace.path("plan.json")).unwrap_or_default();
                let plan: serde_json::Value = serde_json::from_str(&plan).unwrap_or_default();
                let fingerprint = plan["fingerprint"].as_str().unwrap_or("FINGERPRINT");
                let _ = reader.run(&command.replace("FINGERPRINT", fingerprint));
                commands += 1;
            }
            _ => {}
        }
    }
    assert_eq!(commands, 6);
    let report: serde_json::Value = serde_json::from_str(&reader.workspace.read("report.json")).unwrap();
    assert_eq!((&report["complete"], &report["exitCode"]), (&true.into(), &0.into()));
    // Agents find it by these two, and it has every exit code.
    let head = skill.strip_prefix("---\nname: dixaform\ndescription: ").and_then(|rest| rest.split_once("\n---\n"));
    assert!(
        head.is_some_and(|(description, _)| (50..1024).contains(&description.len()) && !description.contains('\n'))
    );
    for code in [0, 1, 2, 3, 4, 5, 6, 64, 130] {
        assert!(skill.contains(&format!("\n| {code} | ")), "{code}");
    }
}
