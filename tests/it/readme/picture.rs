//! docs/plan.svg is what the program draws on a terminal, for readers with a light and with a dark page.

use anstyle::{Ansi256Color, AnsiColor, Color, RgbColor};
use anstyle_svg::Term;

use crate::readme::compare_or_write;
use crate::support::Workspace;

/// An end user who is new beside the manifests of the quickstart.
const JANE: &str = "apiVersion: dixaform/v1
kind: EndUser
metadata: {name: jane}
spec:
  displayName: Jane Doe
  email: jane@example.com
";

/// What is added to the import of the quickstart.
const SETTINGS: &str = "  tags: [vip]
  customAttributes:
    2f5515b6-7e98-4f4d-9010-bfd2a27d4f35: \"012346\"
";

/// The colours of a light page, as GitHub has them.
const LIGHT: [(AnsiColor, RgbColor); 3] = [
    (AnsiColor::Green, RgbColor(0x1a, 0x7f, 0x37)),
    (AnsiColor::Yellow, RgbColor(0x9a, 0x67, 0x00)),
    (AnsiColor::Red, RgbColor(0xcf, 0x22, 0x2e)),
];
const INK: RgbColor = RgbColor(0x1f, 0x23, 0x28);
const PAPER: RgbColor = RgbColor(0xf6, 0xf8, 0xfa);

/// The same of a dark page.
const DARK: &str = "    @media (prefers-color-scheme: dark) {
      .fg { fill: #e6edf3 }
      .bg { fill: #161b22 }
      .fg-green { fill: #3fb950 }
      .fg-yellow { fill: #d29922 }
      .fg-red { fill: #ff7b72 }
    }
";

#[test]
fn the_picture_of_a_plan_is_a_plan() {
    let workspace = Workspace::new().copy("examples/quickstart");
    let _ = workspace.run("apply examples/quickstart --tenant sandbox --yes").exit(0);
    workspace.edit("examples/quickstart/orders.yaml", "My order hasn't shipped", "Where is my order?");
    workspace.write("examples/quickstart/customers.yaml", JANE);
    let import = workspace.read("examples/quickstart/legacy.yaml");
    workspace.write("examples/quickstart/legacy.yaml", format!("{import}{SETTINGS}"));
    let plan = workspace.run("plan examples/quickstart --tenant sandbox --allow-replace --color always").exit(0).stdout;
    compare_or_write("docs/plan.svg", &drawn(&plan));
}

/// The output of a command as a picture that grows and shrinks with the page.
fn drawn(output: &str) -> String {
    let mut palette = anstyle_svg::VGA;
    for (colour, light) in LIGHT {
        palette.0[usize::from(Ansi256Color::from_ansi(colour).0)] = light;
    }
    let term = Term::new().palette(palette).fg_color(Color::Rgb(INK)).bg_color(Color::Rgb(PAPER));
    let picture = term.render_svg(output.trim_end());
    let (size, rest) = picture.strip_prefix("<svg ").unwrap().split_once(" xmlns").unwrap();
    let [_, width, _, height, _] = size.split('"').collect::<Vec<_>>().try_into().unwrap();
    let pixels = |length: &str| length.strip_suffix("px").unwrap().parse::<u32>().unwrap();
    let frame = format!("viewBox=\"0 0 {} {}\" role=\"img\"", pixels(width), pixels(height));
    let picture =
        format!("<svg {size} {frame} xmlns{rest}").replacen("  </style>\n", &format!("{DARK}  </style>\n"), 1);
    assert_every_colour_has_two(&picture);
    // Dimmed text must stay readable.
    picture.replace("opacity: 0.4", "opacity: 0.7")
}

/// A colour that only a light page has could not be read on a dark one.
fn assert_every_colour_has_two(picture: &str) {
    let (light, dark) = picture.split_once("@media").expect("colours for a dark page");
    let rules = |text: &str| {
        let names = text.lines().filter(|line| line.contains("fill: #")).map(|line| line.trim_start().to_owned());
        names.map(|line| line.split(' ').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for name in rules(light) {
        assert!(rules(dark).contains(&name), "{name} has no colour for a dark page");
    }
}
