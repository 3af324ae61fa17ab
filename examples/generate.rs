//! Writes a folder of realistic manifests, for measuring and for trying things out.
//!
//! ```text
//! cargo run --release --example generate -- FOLDER COUNT [PER_FILE] [SEED] [--outbound]
//! ```
//!
//! COUNT manifests of about 1.7 KB each go below FOLDER: `0000/000000.yaml` and so on, PER_FILE manifests in a file
//! (default 1) and at most 500 files in a folder. About 60 % are conversations and 40 % are imports. The same SEED
//! (default 1) writes the same bytes. All of them are valid; none sends a message to anybody, unless `--outbound` is
//! given: only then there are Sms conversations, whose message is always Outbound, and some Outbound e-mails.
//!
//! Requester, agent, queue and attributes are those of the documentation's samples or made up; the sandbox takes both.
#![expect(clippy::disallowed_methods, reason = "an example that writes files")]

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const FILES_PER_FOLDER: usize = 500;
const TEXT: &str = "2f5515b6-7e98-4f4d-9010-bfd2a27d4f35";
const SELECT: &str = "e14708a6-eed9-495c-9d88-c72331e9e247";
const AGENT: &str = "cd4ceb58-bb3a-443c-9cd8-4f088feafe5b";
const QUEUE: &str = "cd87b232-64c8-4ad5-b81a-6f9233352d97";
const WIDGET: &str = "0e4d0ead-dc69-470a-9b3a-e7eb16a56453";
const INTEGRATION: &str = "my-integration@email.dixa.io";
const PATHS: [&str; 3] = ["[payment, card]", "[payment, bank_transfer]", "[str1, str2]"];
const LANGUAGES: [&str; 5] = ["en", "da", "de", "no", "sv"];
const TOPICS: [&str; 8] =
    ["late-order", "refund", "broken-item", "invoice", "password", "return-label", "size-exchange", "gift-card"];
const SENTENCES: [&str; 16] = [
    "I ordered two weeks ago, and the parcel has still not been shipped.",
    "The tracking page says \"label created\" and nothing else since Monday.",
    "Could you please tell me when it will arrive: before or after the weekend?",
    "I have tried the chat, but nobody answered for more than 20 minutes.",
    "The invoice says 149.95 EUR, and my bank shows 159.95 EUR.",
    "One of the cups was broken when I opened the box; photos are attached.",
    "Jeg har også skrevet til jer på dansk, men fik intet svar – desværre.",
    "Thank you for your message, we are looking into it right now.",
    "We have asked the warehouse, and they will send a new one tomorrow.",
    "Please keep the old item; you do not need to return it to us.",
    "My customer number is in the subject, and my address has not changed.",
    "If that is not possible, I would like to have my money back.",
    "The size is too small, so I want to exchange it for the next one (#42 -> #43).",
    "Your colleague promised a refund within 5 to 7 working days.",
    "It worked for a year: then, after the last update, it stopped.",
    "Best regards, and thanks in advance for your help! 🙂",
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some(options) = Options::read(&arguments) else {
        let _ = io::stderr().write_all(b"usage: generate FOLDER COUNT [PER_FILE] [SEED] [--outbound]\n");
        return ExitCode::from(64);
    };
    match generate(&options) {
        Ok(bytes) => {
            let line = format!("{} manifests, {bytes} bytes, in {}\n", options.count, options.folder.display());
            let _ = io::stderr().write_all(line.as_bytes());
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ =
                io::stderr().write_all(format!("can't write below {}: {error}\n", options.folder.display()).as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// What to write, and where to.
pub struct Options {
    pub folder: PathBuf,
    pub count: usize,
    pub per_file: usize,
    pub seed: u64,
    pub outbound: bool,
}

impl Options {
    fn read(arguments: &[String]) -> Option<Self> {
        let outbound = arguments.iter().any(|argument| argument == "--outbound");
        let mut rest = arguments.iter().filter(|argument| *argument != "--outbound");
        let folder = PathBuf::from(rest.next()?);
        let count = rest.next()?.parse().ok()?;
        let per_file = rest.next().map_or(Some(1), |text| text.parse().ok().filter(|number| *number > 0))?;
        let seed = rest.next().map_or(Some(1), |text| text.parse().ok())?;
        rest.next().is_none().then_some(Options { folder, count, per_file, seed, outbound })
    }
}

/// Writes everything, and gives the number of bytes.
fn generate(options: &Options) -> io::Result<u64> {
    let mut bytes = 0;
    for (file, first) in (0..options.count).step_by(options.per_file).enumerate() {
        let folder = options.folder.join(format!("{:04}", file / FILES_PER_FOLDER));
        std::fs::create_dir_all(&folder)?;
        let last = options.count.min(first + options.per_file);
        let text: String = (first..last).map(|index| manifest(index, options)).collect();
        bytes += text.len() as u64;
        std::fs::write(Path::new(&folder).join(format!("{file:06}.yaml")), text)?;
    }
    Ok(bytes)
}

/// xorshift64*, by Vigna: enough for texts, and the same on every machine.
struct Random(u64);

impl Random {
    /// Each manifest has its own, so that one more in the middle changes no other.
    fn of(seed: u64, index: usize) -> Self {
        let mixed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (index as u64 + 1).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mut random = Random(mixed | 1);
        for _ in 0..4 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 33) as usize % end
    }

    fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        let (time, clock) = ((a >> 16) & 0xffff, (b >> 48) & 0x3fff | 0x8000);
        format!("{:08x}-{time:04x}-4{:03x}-{clock:04x}-{:012x}", a >> 32, a & 0xfff, b & 0xffff_ffff_ffff)
    }
}

/// One manifest under construction.
struct Draft {
    out: String,
    random: Random,
    index: usize,
}

/// The text of one manifest.
pub fn manifest(index: usize, options: &Options) -> String {
    let mut draft = Draft { out: String::with_capacity(2_500), random: Random::of(options.seed, index), index };
    if draft.random.percent(60) {
        draft.conversation(options.outbound)
    } else {
        draft.import()
    }
    draft.attributes();
    draft.out
}

impl Draft {
    fn line(&mut self, indent: usize, text: &str) {
        let _ = writeln!(self.out, "{:indent$}{text}", "");
    }

    fn head(&mut self, kind: &str) -> &'static str {
        let topic = self.random.one_of(&TOPICS);
        let wave = 1 + self.random.below(4);
        let index = self.index;
        let _ = write!(
            self.out,
            "---\napiVersion: dixaform/v1\nkind: {kind}\nmetadata:\n  name: {topic}-{index:06}\n  labels:\n    wave: \"{wave}\"\n    topic: {topic}\nspec:\n"
        );
        topic
    }

    fn conversation(&mut self, outbound: bool) {
        let topic = self.head("Conversation");
        let kinds: &[&str] = if outbound {
            &["Email", "Email", "ContactForm", "Chat", "Callback", "Sms"]
        } else {
            &["Email", "Email", "Email", "ContactForm", "ContactForm", "Chat", "Chat", "Callback"]
        };
        let variant = self.random.one_of(kinds);
        let requester = self.random.uuid();
        self.line(2, &format!("_type: {variant}"));
        self.line(2, &format!("requesterId: {requester}"));
        match variant {
            "Callback" => {
                self.line(2, "direction: Inbound");
                self.line(2, "contactEndpointId: \"+4512345678\"");
                self.line(2, &format!("queueId: {QUEUE}"));
                return;
            }
            "Sms" => self.line(2, "contactEndpointId: \"+4512345678\""),
            "Chat" => {
                self.line(2, &format!("widgetId: {WIDGET}"));
                self.line(2, "browserInfo:");
                self.line(4, "name: Firefox");
                self.line(4, "version: \"128.0\"");
                self.line(4, &format!("originatingUrl: https://shop.example/{topic}?order={}", self.index));
            }
            _ => {
                self.line(2, &format!("emailIntegrationId: {INTEGRATION}"));
                self.line(2, &format!("subject: \"{topic}: order #{}\"", 100_000 + self.index));
            }
        }
        if variant != "Sms" {
            let language = self.random.one_of(&LANGUAGES);
            self.line(2, &format!("language: {language}"));
        }
        self.line(2, "message:");
        if variant == "Sms" || outbound && variant == "Email" && self.random.percent(20) {
            self.line(4, "_type: Outbound");
            self.line(4, &format!("agentId: {AGENT}"));
        } else {
            self.line(4, "_type: Inbound");
        }
        self.content(4, 18);
    }

    fn import(&mut self) {
        let topic = self.head("ConversationImport");
        let requester = self.random.uuid();
        let mail = self.random.percent(60);
        let mut at = 1_600_000_000 + self.random.below(150_000_000) as i64;
        self.line(2, "_type: GenericConversationImport");
        self.line(2, &format!("genericChannelName: {}", if mail { "email" } else { "genericapimessaging" }));
        self.line(2, &format!("requesterId: {requester}"));
        self.line(2, "direction: Inbound");
        self.line(2, &format!("createdAt: {}", time(at)));
        self.line(2, &format!("externalId: legacy-{}", self.index));
        if mail {
            self.line(2, "attributes:");
            self.line(4, &format!("emailIntegrationId: {INTEGRATION}"));
            self.line(4, &format!("subject: \"{topic}: order #{}\"", 100_000 + self.index));
        }
        self.line(2, "messages:");
        for number in 0..2 + self.random.below(3) {
            at += 60 + self.random.below(80_000) as i64;
            let answer = number % 2 == 1;
            self.line(4, &format!("- _type: {}", if answer { "OutboundImport" } else { "InboundImport" }));
            if answer {
                self.line(6, &format!("agentId: {AGENT}"));
            }
            self.line(6, &format!("createdAt: {}", time(at)));
            if mail {
                self.line(6, &format!("attributes: {{emailIntegrationId: {INTEGRATION}}}"));
            }
            self.content(6, 4);
        }
        if self.random.percent(70) || !mail {
            at += 600;
            self.line(2, "closing:");
            self.line(4, &format!("closedAt: {}", time(at)));
            self.line(4, &format!("closedBy: {AGENT}"));
        }
    }

    /// The content of a message, with at least half of this number of sentences.
    fn content(&mut self, indent: usize, sentences: usize) {
        self.line(indent, "content:");
        self.line(indent + 2, "_type: Text");
        self.line(indent + 2, "value: |-");
        let greeting = format!("Hello, this is about order #{}.", 100_000 + self.index);
        self.line(indent + 4, &greeting);
        for _ in 0..sentences / 2 + self.random.below(sentences) {
            let sentence = self.random.one_of(&SENTENCES);
            self.line(indent + 4, sentence);
        }
    }

    fn attributes(&mut self) {
        let (text, select) = (self.random.percent(70), self.random.percent(50));
        if text || select {
            self.line(2, "customAttributes:");
        }
        if text {
            self.line(4, &format!("{TEXT}: \"{:06}\"", self.index));
        }
        if select {
            let path = self.random.one_of(&PATHS);
            self.line(4, &format!("{SELECT}: {path}"));
        }
    }
}

/// RFC 3339 in UTC.
fn time(second: i64) -> String {
    jiff::Timestamp::from_second(second).expect("the seconds are of this century").to_string()
}
