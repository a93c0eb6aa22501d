//! From files to steps that can run: read, verify, compile, link, check settings, self-test, warm.
//!
//! Invariants: whatever goes wrong is a problem with its place, and all problems are told; nothing of a load that failed serves; a step whose component and
//! configuration are as before is taken over with its instances.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::available_parallelism;

use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use wasmtime::component::Component;

use crate::capability::{Figures, linker};
use crate::code::CodeCache;
use crate::condition::Conditions;
use crate::config::PolicyConfig;
use crate::copies::Copies;
use crate::engine::Engine;
use crate::generation::Generation;
use crate::grant::Grant;
use crate::guest::Exports;
use crate::hook::Hook;
use crate::manifest::Manifest;
use crate::memory::MemoryServices;
use crate::plugin::{self, Outline, PluginFile};
use crate::policy_file::{Drift, Ground, Located, Mode, PolicyFile, StepConfig, Trust};
use crate::problem::Problem;
use crate::recorder::Recorder;
use crate::schema::Schema;
use crate::services::Services;
use crate::signature::PublicKey;
use crate::snapshot::{Files, Snapshots};
use crate::state::Shared;
use crate::step::{Step, StepInfo};
use crate::view::PatternCache;

/// What loading takes.
pub(crate) struct Loader {
    pub(crate) config: PolicyConfig,
    pub(crate) engine: Arc<Engine>,
    pub(crate) code: Arc<CodeCache>,
    pub(crate) services: Arc<dyn Services>,
    pub(crate) recorder: Option<Arc<dyn Recorder>>,
    pub(crate) patterns: Arc<PatternCache>,
    /// Where the files lie that the policy names.
    pub(crate) ground: Ground,
    /// Where what is loaded is kept, if it is.
    pub(crate) snapshots: Option<Snapshots>,
}

/// A load: its steps or its problems, and what to watch for the next one.
pub(crate) struct Loaded {
    pub(crate) steps: Result<Vec<Arc<Step>>, Vec<Problem>>,
    pub(crate) drift: Drift,
    /// What the files hold, as they were read.
    pub(crate) content: Files,
    pub(crate) files: Vec<PathBuf>,
    pub(crate) folders: Vec<PathBuf>,
}

/// A plugin that is compiled.
#[derive(Clone)]
pub(crate) struct Compiled {
    component: Component,
    digest: Arc<str>,
    pub(crate) outline: Arc<Outline>,
    /// What its settings may be.
    schema: Option<Arc<Schema>>,
    signer: Option<PublicKey>,
}

impl Compiled {
    /// Compiles a file that was read, or finds it compiled.
    pub(crate) fn of(
        file: PluginFile,
        component: impl FnOnce(&[u8], &str) -> Result<Component, String>,
    ) -> Result<Self, String> {
        let schema = file.outline.schema()?;
        Ok(Self {
            component: component(&file.octets, &file.digest)?,
            digest: file.digest.into(),
            outline: Arc::new(file.outline),
            schema: schema.map(Arc::new),
            signer: file.signer,
        })
    }

    /// The same, for which any settings will do until the plugin itself sees them.
    pub(crate) fn without_schema(&self) -> Self {
        Self {
            schema: None,
            ..self.clone()
        }
    }
}

impl Loader {
    /// The same for a snapshot of its policy.
    pub(crate) fn of_snapshot(&self, place: &Path) -> Self {
        let own = self.config.policy_file.parent().unwrap_or(Path::new(""));
        Self {
            ground: Ground::Snapshot(own.to_owned()),
            config: PolicyConfig {
                policy_file: place.join("policy.toml"),
                plugin_dirs: vec![place.join("plugins")],
                ..self.config.clone()
            },
            engine: self.engine.clone(),
            code: self.code.clone(),
            services: self.services.clone(),
            recorder: self.recorder.clone(),
            patterns: self.patterns.clone(),
            snapshots: self.snapshots.clone(),
        }
    }

    /// The same on another ground, of what no snapshot is kept.
    pub(crate) fn on(&self, ground: Ground) -> Self {
        Self {
            ground,
            config: self.config.clone(),
            engine: self.engine.clone(),
            code: self.code.clone(),
            services: self.services.clone(),
            recorder: self.recorder.clone(),
            patterns: self.patterns.clone(),
            snapshots: None,
        }
    }

    /// The same, with a server around its steps that is none.
    pub(crate) fn pretending(self, services: Arc<dyn Services>) -> Self {
        Self {
            services,
            recorder: None,
            snapshots: None,
            ..self
        }
    }

    /// Loads the policy as its files are now. Steps of `before` that did not change are taken over.
    pub(crate) async fn load(&self, before: &Generation) -> Loaded {
        let path = self.config.policy_file.clone();
        let ground = self.ground.clone();
        let read = spawn_blocking(move || PolicyFile::read(&path, ground)).await;
        let policy = match read {
            Ok(Ok(policy)) => policy,
            Ok(Err(problems)) => return self.unread(problems),
            Err(panic) => {
                return self.unread(vec![self.problem(None, format!("cannot be read: {panic}"))]);
            }
        };
        let mut files = policy.inputs.files.clone();
        let names: BTreeSet<&str> = policy
            .steps
            .iter()
            .map(|step| step.step.plugin.as_str())
            .collect();
        for name in &names {
            // Where it would be found, and where it would be found first.
            files.extend(
                self.config
                    .plugin_dirs
                    .iter()
                    .map(|folder| folder.join(format!("{name}.wasm"))),
            );
        }
        let plugins = self.plugins(&names, &policy.trust, before).await;
        let content = Files::new(&policy.inputs.texts, digests(&plugins));
        let steps = self.steps(&policy.steps, &plugins, before).await;
        Loaded {
            steps,
            drift: policy.drift,
            content,
            files,
            folders: policy.inputs.folders,
        }
    }

    /// A policy that cannot be read is watched where its problems are.
    fn unread(&self, problems: Vec<Problem>) -> Loaded {
        let mut files = vec![self.config.policy_file.clone()];
        files.extend(problems.iter().map(|problem| problem.file.clone()));
        let folders = files
            .iter()
            .filter_map(|file| file.parent().map(PathBuf::from))
            .collect();
        Loaded {
            steps: Err(problems),
            drift: Drift::default(),
            content: Files::default(),
            files,
            folders,
        }
    }

    fn problem(&self, line: Option<usize>, text: impl Into<String>) -> Problem {
        Problem::new(&self.config.policy_file, line, text)
    }

    /// Reads and compiles plugins, side by side: as many as there are processors. Each takes a process with the memory of a compiler, and hundreds
    /// at once would hold up each other and the server.
    async fn plugins(
        &self,
        names: &BTreeSet<&str>,
        trust: &Trust,
        before: &Generation,
    ) -> HashMap<String, Result<Compiled, String>> {
        let known: HashMap<String, Component> = before
            .steps()
            .iter()
            .map(|step| (step.shared.info.digest.clone(), step.component().clone()))
            .collect();
        let known = Arc::new(known);
        let turns = Arc::new(Semaphore::new(
            available_parallelism().map_or(1, NonZero::get),
        ));
        let mut tasks = JoinSet::new();
        for name in names {
            let turns = turns.clone();
            let (name, known, trust) = ((*name).to_owned(), known.clone(), trust.clone());
            let (engine, code, folders) = (
                self.engine.clone(),
                self.code.clone(),
                self.config.plugin_dirs.clone(),
            );
            let snapshots = self.snapshots.clone();
            let compiling = move || {
                let compiled = compile(
                    &name,
                    &folders,
                    &trust,
                    &known,
                    &engine,
                    &code,
                    snapshots.as_ref(),
                );
                (name, compiled)
            };
            tasks.spawn(async move {
                let _turn = turns.acquire_owned().await;
                spawn_blocking(compiling).await
            });
        }
        let mut plugins = HashMap::new();
        while let Some(done) = tasks.join_next().await {
            if let Ok(Ok((name, compiled))) = done {
                plugins.insert(name, compiled);
            }
        }
        plugins
    }

    /// Makes the steps in their order, or tells every problem.
    async fn steps(
        &self,
        wanted: &[Located],
        plugins: &HashMap<String, Result<Compiled, String>>,
        before: &Generation,
    ) -> Result<Vec<Arc<Step>>, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut steps = Vec::new();
        let mut fresh = JoinSet::new();
        for (place, located) in wanted.iter().enumerate() {
            let compiled = match plugins.get(&located.step.plugin) {
                Some(Ok(compiled)) => compiled,
                Some(Err(text)) => {
                    problems.push(self.problem(Some(located.line), text.clone()));
                    continue;
                }
                None => {
                    problems.push(self.problem(
                        Some(located.line),
                        format!("plugin `{}` could not be compiled", located.step.plugin),
                    ));
                    continue;
                }
            };
            if let Some(step) = unchanged(before, located, &compiled.digest) {
                steps.push(step);
                continue;
            }
            match self.step(located, compiled) {
                Ok(step) => {
                    steps.push(step.clone());
                    let stub = self.stub(&step);
                    fresh.spawn(async move { (place, step.prepare(stub).await) });
                }
                Err(found) => problems.extend(found),
            }
        }
        while let Some(done) = fresh.join_next().await {
            match done {
                Ok((_, Ok(()))) => {}
                Ok((place, Err(found))) => {
                    problems.extend(wanted.get(place).into_iter().flat_map(|located| {
                        found
                            .iter()
                            .map(|(pointer, text)| self.place(located, pointer.as_deref(), text))
                    }));
                }
                Err(panic) => problems
                    .push(self.problem(None, format!("a step could not be made ready: {panic}"))),
            }
        }
        if problems.is_empty() {
            return Ok(steps);
        }
        problems.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
        Err(problems)
    }

    /// Where a plugin's complaint belongs: to its settings if it points into them, or else to its step.
    fn place(&self, located: &Located, pointer: Option<&str>, text: &str) -> Problem {
        let text = format!("plugin `{}`: {text}", located.step.plugin);
        match pointer {
            Some(pointer) => located.step.settings.locate(pointer, &text),
            None => self.problem(Some(located.line), text),
        }
    }

    /// Verifies a component against its step and links it.
    pub(crate) fn step(
        &self,
        located: &Located,
        compiled: &Compiled,
    ) -> Result<Arc<Step>, Vec<Problem>> {
        let config = located.step.clone();
        let exported = compiled.outline.hooks();
        let mut problems: Vec<Problem> = compiled
            .outline
            .objections(&config)
            .into_iter()
            .map(|objection| self.problem(Some(located.line_of(objection.member)), objection.text))
            .collect();
        let whole = |text: String| self.problem(Some(located.line), text);
        let hooks = match &config.hooks {
            // Without an interval there is nothing to call it at.
            None => exported
                .iter()
                .copied()
                .filter(|hook| *hook != Hook::Tick || config.tick.is_some())
                .collect(),
            Some(hooks) => hooks.clone(),
        };
        if config.tick.is_some() && !hooks.contains(&Hook::Tick) {
            problems.push(whole(format!(
                "plugin `{}` does not run at `tick` here, so the step's `tick` is for nothing; its hooks are {}",
                config.plugin,
                list(&hooks)
            )));
        }
        for hook in hooks.iter().filter(|hook| !exported.contains(hook)) {
            problems.push(whole(format!(
                "plugin `{}` has no hook `{hook}`; it has {}",
                config.plugin,
                list(&exported)
            )));
        }
        for hook in hooks.iter().filter(|hook| !config.sight.fits(**hook)) {
            problems.push(whole(format!(
                "`view = \"{}\"` hides what hook `{hook}` is asked about: leave it out of `hooks` of this step",
                config.sight.as_str()
            )));
        }
        if hooks.is_empty() {
            problems.push(whole(format!(
                "plugin `{}` has no hook of this release",
                config.plugin
            )));
        }
        problems.extend(self.unfit_settings(located, compiled));
        if !problems.is_empty() {
            return Err(problems);
        }
        let failed = |error: wasmtime::Error| {
            vec![whole(format!(
                "plugin `{}` does not fit this server: {error:#}",
                config.plugin
            ))]
        };
        let grants: Vec<Grant> = config.grants.iter().copied().collect();
        let linker = linker(self.engine.wasm(), &grants).map_err(failed)?;
        let pre = linker
            .instantiate_pre(&compiled.component)
            .map_err(failed)?;
        let exports = Exports::find(&pre).map_err(failed)?;
        if let Some(hook) = hooks.iter().find(|hook| !exports.has(**hook)) {
            return Err(vec![whole(format!(
                "plugin `{}` exports `{hook}` without its functions",
                config.plugin
            ))]);
        }
        let info = Arc::new(StepInfo {
            name: config.name.clone(),
            plugin: config.plugin.clone(),
            version: compiled.outline.version.clone(),
            digest: compiled.digest.to_string(),
            signer: compiled.signer.map(|key| key.to_string()),
        });
        let shared = Arc::new(Shared {
            name: config.name.as_str().into(),
            space: space(&config).into(),
            scratch: format!("{}~shadow", config.name).into(),
            copies: Copies::over(self.services.clone()),
            mode: config.mode,
            info,
            limits: config.limits,
            sight: config.sight,
            network: config.network.clone(),
            relay: config.grants.contains(&Grant::Relay),
            settings: config.settings.json().into(),
            scores: Arc::new(scores(&config, &compiled.outline)),
            services: self.services.clone(),
            recorder: self.recorder.clone(),
            patterns: self.patterns.clone(),
            kept: Mutex::default(),
            figures: Figures::default(),
        });
        let conditions = conditions(&compiled.outline, &config);
        Ok(Arc::new(Step::new(
            config,
            shared,
            (hooks, conditions, compiled.outline.asks_owners()),
            self.engine.clone(),
            pre,
            exports,
        )))
    }

    /// Lets a step that was just made check itself.
    pub(crate) async fn prepare(&self, located: &Located, step: &Step) -> Result<(), Vec<Problem>> {
        let checked = step.prepare(self.stub(step)).await;
        checked.map_err(|found| {
            found
                .iter()
                .map(|(pointer, text)| self.place(located, pointer.as_deref(), text))
                .collect()
        })
    }

    /// What the plugin's schema has against the settings of a step.
    fn unfit_settings(&self, located: &Located, compiled: &Compiled) -> Vec<Problem> {
        let Some(schema) = &compiled.schema else {
            return Vec::new();
        };
        let settings = serde_json::from_str(located.step.settings.json()).unwrap_or_default();
        let found = schema.check(&settings).into_iter();
        found
            .map(|(pointer, text)| self.place(located, Some(&pointer), &text))
            .collect()
    }

    /// The same for a self-test: an empty store, an empty directory, nobody who records.
    fn stub(&self, step: &Step) -> Arc<Shared> {
        Arc::new(Shared {
            info: step.shared.info.clone(),
            name: step.shared.name.clone(),
            space: step.shared.space.clone(),
            scratch: step.shared.scratch.clone(),
            copies: Copies::over(Arc::new(MemoryServices::new())),
            mode: step.shared.mode,
            limits: step.shared.limits,
            sight: step.shared.sight,
            network: step.shared.network.clone(),
            relay: step.shared.relay,
            settings: step.shared.settings.clone(),
            scores: step.shared.scores.clone(),
            services: Arc::new(MemoryServices::new()),
            recorder: None,
            patterns: self.patterns.clone(),
            kept: Mutex::default(),
            figures: Figures::default(),
        })
    }
}

/// Whose keys and notes a step has: one that is tried out goes on where the step is that it would replace.
fn space(config: &StepConfig) -> &str {
    match (config.mode, &config.replaces) {
        (Mode::Canary(_) | Mode::Shadow, Some(replaced)) => replaced,
        _ => &config.name,
    }
}

/// When its plugin has something to say.
fn conditions(outline: &Outline, config: &StepConfig) -> Conditions {
    let settings = serde_json::from_str(config.settings.json()).unwrap_or_default();
    let manifest = outline.manifest.as_ref();
    manifest.map_or_else(Conditions::default, |manifest| {
        Conditions::of(&manifest.when, &settings)
    })
}

/// What findings count: as the operator says, or else as the plugin's manifest does.
fn scores(config: &StepConfig, outline: &Outline) -> BTreeMap<String, f64> {
    let mut scores = outline
        .manifest
        .as_ref()
        .map_or_else(BTreeMap::new, Manifest::scores);
    scores.extend(
        config
            .scores
            .iter()
            .map(|(name, score)| (name.clone(), *score)),
    );
    scores
}

/// A step of the serving generation that would be made anew just as it is.
fn unchanged(before: &Generation, located: &Located, digest: &str) -> Option<Arc<Step>> {
    let same = |step: &&Arc<Step>| step.shared.info.digest == digest && step.config == located.step;
    before.steps().iter().find(same).cloned()
}

/// The plugins that could be read, with their digests.
fn digests(plugins: &HashMap<String, Result<Compiled, String>>) -> Vec<(String, String)> {
    plugins
        .iter()
        .filter_map(|(name, compiled)| {
            let digest = compiled.as_ref().ok()?.digest.to_string();
            Some((name.clone(), digest))
        })
        .collect()
}

fn compile(
    name: &str,
    folders: &[PathBuf],
    trust: &Trust,
    known: &HashMap<String, Component>,
    engine: &Engine,
    code: &CodeCache,
    snapshots: Option<&Snapshots>,
) -> Result<Compiled, String> {
    let path = plugin::find(name, folders)?;
    let told = |text: String| format!("plugin `{name}`: {} {text}", path.display());
    let file = PluginFile::read(&path).map_err(told)?;
    // Before anything is compiled: what nobody here trusts is nothing but octets.
    trust.admit(file.signer.as_ref()).map_err(told)?;
    let octets = snapshots.map(|kept| (kept, file.octets.clone()));
    let compiled = Compiled::of(file, |octets, digest| match known.get(digest) {
        Some(component) => Ok(component.clone()),
        None => code.load(engine.wasm(), octets, digest),
    });
    let compiled = compiled.map_err(told)?;
    if let Some(Err(error)) = octets.map(|(kept, octets)| kept.put(&compiled.digest, &octets)) {
        tracing::warn!(plugin = name, %error, "a plugin cannot be kept: going back to it is not possible once its file changes");
    }
    Ok(compiled)
}

fn list(hooks: &[Hook]) -> String {
    if hooks.is_empty() {
        return "none".into();
    }
    hooks
        .iter()
        .map(|hook| hook.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
