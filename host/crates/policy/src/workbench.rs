//! One plugin tried without a server: the real engine and the real checks, a pretended world around it.
//!
//! What an author's tools are made of: a component is looked through, linked, given settings, asked hook by hook, and run against its cases.

mod bench;
mod case;
mod network;
mod preview;
mod queue;
mod render;
mod world;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;

pub use bench::{Bench, NotedCall, Seen};
pub use case::{
    AccountCase, Case, CaseStep, ConnectionCase, Directory, EnvelopeCase, VacationCase,
};
pub use network::{AuthCase, NetworkCase, PageCase};
pub use preview::{Draft, Mail, Side, Tried as TriedMail};
pub use queue::{AttemptCase, EventCase};

use crate::code::CodeCache;
use crate::config::PolicyConfig;
use crate::engine::Engine;
use crate::hook::Hook;
use crate::load::{Compiled, Loader};
use crate::manifest::CaseFile;
use crate::plugin::PluginFile;
use crate::policy_file::{Ground, Located, PolicyFile, Settings};
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::services::Services;
use crate::step::Step;
use crate::view::PatternCache;
use bench::Notebook;
use world::World;

/// Instances that a workbench has at once.
const INSTANCES: u32 = 8;

/// A component that is compiled and can be tried.
pub struct Workbench {
    name: String,
    compiled: Compiled,
    engine: Arc<Engine>,
    code: Arc<CodeCache>,
    patterns: Arc<PatternCache>,
    compile_time: Duration,
    /// Holds the compiled code as long as it is mapped.
    _folder: tempfile::TempDir,
}

/// What became of one case.
#[derive(Clone, Debug, Serialize)]
pub struct CaseOutcome {
    /// The file it is in.
    pub file: String,
    /// What it shows.
    pub name: String,
    /// What went otherwise than expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Workbench {
    /// Reads and compiles a component.
    ///
    /// # Errors
    /// One sentence: the file is no component, its signature does not fit, it does not compile, or this machine cannot run any.
    pub fn open(path: &Path) -> Result<Self, String> {
        let told = |text: String| format!("{} {text}", path.display());
        let file = PluginFile::read(path).map_err(told)?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let engine = Engine::new(INSTANCES).map_err(|error| error.to_string())?;
        let code = CodeCache::open(folder.path(), engine.wasm(), None)
            .map_err(|error| error.to_string())?;
        let begun = Instant::now();
        let name = name_of(path, &file);
        let compiled = Compiled::of(file, |octets, digest| {
            code.load(engine.wasm(), octets, digest)
        });
        Ok(Self {
            name,
            compiled: compiled.map_err(told)?,
            compile_time: begun.elapsed(),
            engine: Arc::new(engine),
            code: Arc::new(code),
            patterns: Arc::default(),
            _folder: folder,
        })
    }

    /// How long its compilation took.
    #[must_use]
    pub fn compile_time(&self) -> Duration {
        self.compile_time
    }

    /// The cases that the component carries.
    #[must_use]
    pub fn own_cases(&self) -> &[CaseFile] {
        let manifest = self.compiled.outline.manifest.as_ref();
        manifest.map_or(&[], |manifest| manifest.cases.as_slice())
    }

    /// Makes it ready as a server would, granted what it wants: linked, its settings checked, tested by itself.
    ///
    /// # Errors
    /// Every problem, with file and line where it is one of the settings.
    pub async fn bench(&self, case: &Case, settings: Option<&Path>) -> Result<Bench, Vec<Problem>> {
        self.made_ready(case, settings, Some(Arc::default())).await
    }

    /// The same for measuring: nobody listens to the host calls, which would cost more than they do.
    ///
    /// # Errors
    /// As for [`Workbench::bench`].
    pub async fn quiet_bench(
        &self,
        case: &Case,
        settings: Option<&Path>,
    ) -> Result<Bench, Vec<Problem>> {
        self.made_ready(case, settings, None).await
    }

    async fn made_ready(
        &self,
        case: &Case,
        settings: Option<&Path>,
        notebook: Option<Arc<Notebook>>,
    ) -> Result<Bench, Vec<Problem>> {
        let settings = match (settings, &case.settings) {
            (Some(path), _) => Settings::of_file(path)?,
            (None, Some(settings)) => Settings::of_value(Path::new("the case"), settings),
            (None, None) => Settings::of_value(
                Path::new("no settings"),
                &toml::Value::Table(toml::Table::new()),
            ),
        };
        let directory = case.directory.clone().unwrap_or_default();
        let network = case.network.clone().unwrap_or_default();
        self.set_up(case, &directory, &network, settings, Vec::new(), notebook)
            .await
    }

    async fn set_up(
        &self,
        case: &Case,
        directory: &Directory,
        network: &NetworkCase,
        settings: Settings,
        scores: Vec<(String, f64)>,
        notebook: Option<Arc<Notebook>>,
    ) -> Result<Bench, Vec<Problem>> {
        let server = Arc::new(world::server(directory));
        let wrong = |text: String| vec![Problem::new(Path::new("the case"), None, text)];
        network.surround(&server).map_err(wrong)?;
        let recorder = notebook.clone().map(|book| book as Arc<dyn Recorder>);
        let loader = self.loader(server.clone(), recorder);
        let mut located = self.located()?;
        located.step.settings = settings;
        located.step.network = network.reach().map_err(wrong)?.into();
        located.step.scores.extend(scores);
        let step = loader.step(&located, &self.compiled)?;
        loader.prepare(&located, &step).await?;
        Ok(Bench {
            step,
            server,
            notebook,
            world: World::new(case, network),
            trial: false,
        })
    }

    fn loader(&self, services: Arc<dyn Services>, recorder: Option<Arc<dyn Recorder>>) -> Loader {
        let mut config = PolicyConfig::new("policy.toml".into(), Vec::new(), "".into());
        config.watch = false;
        Loader {
            ground: Ground::Own,
            config,
            engine: self.engine.clone(),
            code: self.code.clone(),
            services,
            recorder,
            patterns: self.patterns.clone(),
            snapshots: None,
        }
    }

    /// A step that grants all that the plugin wants or makes use of, and the limits that it needs.
    fn located(&self) -> Result<Located, Vec<Problem>> {
        let outline = &self.compiled.outline;
        let manifest = outline.manifest.clone().unwrap_or_default();
        let mut grants = outline.wants();
        grants.extend(manifest.optional_grants.iter().map(String::as_str));
        let limits: Vec<String> = manifest
            .limits
            .iter()
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        // Whom these reach is the case's to say; a policy must say it with the grant.
        let reached: String = [
            ("dnsbl", "dnsbl = { zones = [\"list.invalid\"] }\n"),
            ("http", "http = { hosts = [\"nobody.invalid\"] }\n"),
        ]
        .into_iter()
        .filter_map(|(grant, table)| grants.contains(&grant).then_some(table))
        .collect();
        // A case calls it when it likes; without an interval the step would not have the hook.
        let ticks = outline.hooks().contains(&Hook::Tick);
        let tick = if ticks { "tick = \"1h\"\n" } else { "" };
        PolicyFile::alone(&format!(
            "[[step]]\nplugin = {:?}\ngrants = {grants:?}\nlimits = {{ {} }}\n{tick}{reached}",
            self.name,
            limits.join(", ")
        ))
    }

    /// Runs the cases of one file.
    pub async fn cases(&self, file: &CaseFile) -> Vec<CaseOutcome> {
        let outcome = |name: &str, failure: Option<String>| CaseOutcome {
            file: file.name.clone(),
            name: name.to_owned(),
            failure,
        };
        let cases: case::File = match toml::from_str(&file.text) {
            Ok(cases) => cases,
            Err(error) => return vec![outcome("the file", Some(error.to_string()))],
        };
        let mut outcomes = Vec::new();
        for case in &cases.case {
            let failure = self.case(&cases, case).await.err();
            outcomes.push(outcome(&case.name, failure));
        }
        outcomes
    }

    async fn case(&self, file: &case::File, case: &Case) -> Result<(), String> {
        let nothing = toml::Value::Table(toml::Table::new());
        let settings = case.settings.as_ref().or(file.settings.as_ref());
        let settings = Settings::of_value(Path::new(&case.name), settings.unwrap_or(&nothing));
        let network = case.network.as_ref().unwrap_or(&file.network);
        if !case.problems.is_empty() {
            return self.refused(settings, network, &case.problems).await;
        }
        let directory = case.directory.as_ref().unwrap_or(&file.directory);
        let scores = file.scores.clone().into_iter().collect();
        let bench = self
            .set_up(
                case,
                directory,
                network,
                settings,
                scores,
                Some(Arc::default()),
            )
            .await;
        let mut bench = bench.map_err(|problems| listed(&problems))?;
        for (index, step) in case.steps.iter().enumerate() {
            for turn in 0..step.times.max(1) {
                let seen = bench.call(step).await;
                seen.and_then(|seen| compare(step, &seen))
                    .map_err(|failure| {
                        format!("step {} (turn {}): {failure}", index + 1, turn + 1)
                    })?;
            }
        }
        Ok(())
    }

    /// The plugin must have against these settings what the case says.
    async fn refused(
        &self,
        settings: Settings,
        network: &NetworkCase,
        expected: &[String],
    ) -> Result<(), String> {
        let server = Arc::new(world::server(&Directory::default()));
        let loader = self.loader(server, None);
        let mut located = self.located().map_err(|problems| listed(&problems))?;
        located.step.settings = settings;
        located.step.network = network.reach()?.into();
        // The schema speaks first on a server, in other words than the plugin's own, which are what the case is about.
        let step = loader
            .step(&located, &self.compiled.without_schema())
            .map_err(|problems| listed(&problems))?;
        let seen = problems_of(&step).await?;
        let fits = seen.len() == expected.len()
            && seen
                .iter()
                .zip(expected)
                .all(|(seen, expected)| seen.starts_with(expected.as_str()));
        if fits {
            Ok(())
        } else {
            Err(format!("problems {seen:#?}, expected {expected:#?}"))
        }
    }
}

impl std::fmt::Debug for Workbench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Workbench").field(&self.name).finish()
    }
}

async fn problems_of(step: &Step) -> Result<Vec<String>, String> {
    let problems = step.validate().await.map_err(|fault| fault.to_string())?;
    if problems.is_empty() {
        return Err("the settings were taken".to_owned());
    }
    Ok(problems
        .into_iter()
        .map(|(pointer, text)| format!("{pointer}: {text}"))
        .collect())
}

fn listed(problems: &[Problem]) -> String {
    let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

fn compare(step: &CaseStep, seen: &Seen) -> Result<(), String> {
    if !begins_with(&seen.answer, &step.expect) {
        return Err(format!(
            "{} answered \"{}\", expected \"{}\"",
            step.hook, seen.answer, step.expect
        ));
    }
    for (what, seen, expected) in [
        ("findings", &seen.findings, &step.findings),
        ("actions", &seen.actions, &step.actions),
    ] {
        if expected.as_ref().is_some_and(|expected| expected != seen) {
            return Err(format!("{what} {seen:?}, expected {expected:?}"));
        }
    }
    match &step.logged {
        Some(expected) if !seen.log.iter().any(|line| line.starts_with(expected)) => Err(format!(
            "the log has {:?}, expected \"{expected}\"",
            seen.log
        )),
        _ => Ok(()),
    }
}

/// `reject 550` begins `reject 550 5.1.1 …`, and not `reject 5501`.
fn begins_with(seen: &str, expected: &str) -> bool {
    seen.strip_prefix(expected).is_some_and(|rest| {
        rest.is_empty() || expected.is_empty() || rest.starts_with([' ', ':', ';'])
    })
}

/// What the plugin is called: by its manifest, or else by its file.
fn name_of(path: &Path, file: &PluginFile) -> String {
    let manifest = file.outline.manifest.as_ref();
    let told = manifest.map(|manifest| manifest.name.clone());
    let name = told.unwrap_or_else(|| {
        let stem = path.file_stem().unwrap_or_default();
        stem.to_string_lossy().to_lowercase()
    });
    let fitting: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() || c.is_ascii_digit() {
                c
            } else {
                '-'
            }
        })
        .take(48)
        .collect();
    if fitting.is_empty() {
        "plugin".to_owned()
    } else {
        fitting
    }
}
