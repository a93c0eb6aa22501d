//! Policy: runs the plugins that decide what a mail server decides, and swaps them while mail flows.
//!
//! The contract with plugins is `plugin-sdk/wit`; the contract with the host is what this file re-exports. The only crate that knows
//! WebAssembly. It opens no sockets and knows no store: what plugins may ask of either comes through [`Services`].
//!
//! Invariants: one transaction is judged by one generation; a plugin's failure can delay mail, never lose it, never accept what the policy
//! would have refused; every host call passes one recordable seam; all that a plugin can make large is bounded.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

mod account;
mod ahead;
mod amend;
mod answer;
mod archive;
mod auth;
mod bindings;
mod breaker;
mod capability;
mod code;
mod comparison;
mod compiler;
mod condition;
mod config;
mod copies;
mod course;
mod draft;
mod drift;
mod engine;
mod expansion;
mod facts;
mod fault;
mod generation;
mod grant;
mod guest;
mod history;
mod hook;
mod idle;
mod imports;
mod inspect;
mod instance;
mod ledger;
mod limits;
mod lineup;
mod load;
mod login;
mod manifest;
mod memory;
mod meters;
mod note;
mod observe;
mod outbound;
mod outcome;
mod pipeline;
mod plugin;
mod policy;
mod policy_file;
mod problem;
mod recorder;
mod rewrite;
mod rollback;
mod schema;
mod services;
mod serving;
mod session;
mod share;
mod sight;
mod signature;
mod snapshot;
mod state;
mod status;
mod step;
mod subject;
mod tally;
mod tick;
mod trail;
mod transaction;
mod trial;
mod verified;
mod view;
mod watch;
mod workbench;

pub use account::DomainCost;
pub use amend::{Amended, Amendment, Build, Candidate};
pub use auth::{
    ArcVerdict, AuthResults, AuthVerdict, DkimVerdict, DmarcPolicy, DmarcVerdict, DomainVerdict,
};
pub use comparison::{Change, Example, Side, SymbolDifference, TrialReport};
pub use compiler::{Compiler, CompilerLimits, compile_plugin};
pub use config::PolicyConfig;
pub use draft::{DraftError, SettingsFile};
pub use facts::{
    Attempt, AttemptOutcome, Cause, ConnectionFacts, LoginAttempt, MailboxChange, MailboxEvent,
    Moved, Offered, OutboundFacts, Placed, TlsFacts, TransactionFacts,
};
pub use generation::Generation;
pub use history::{HistoryEvent, HistoryStep, read_history};
pub use hook::Hook;
pub use inspect::{Inspection, Size};
pub use ledger::{
    Entry as LedgerEntry, Finding, Lean as LeanLedger, Ledger, Roster, complete as complete_ledger,
};
pub use manifest::{CaseFile, Manifest, SymbolInfo};
pub use memory::MemoryServices;
pub use outbound::Outbound;
pub use outcome::{
    AddedRecipient, Decision, DeliverOutcome, DkimKey, Filing, HeaderEdit, LoginOutcome,
    MailboxRef, MaildropTerms, MessageOutcome, NextHop, Notice, Operation, OutboundOutcome, Plan,
    QuotaOutcome, QuotaRoot, RelayHost, Response, ResultOutcome, Room, Sought, SubmitFate,
    SubmitOutcome, Target, TlsPolicy, Verdict,
};
pub use policy::{Checked, Policy, StartError};
pub use policy_file::Mode as StepMode;
pub use problem::Problem;
pub use recorder::{HostCall, Recorder};
pub use rewrite::{Rewritten, SCORE_FIELD, VERDICT_FIELD};
pub use rollback::RolloutError;
pub use services::dns::{DnsAnswer, DnsOutcome, DnsQuestion, DnsRecord, DnsSecurity, LookUp};
pub use services::http::{Exchange, HttpFailure, HttpRequest, HttpResponse};
pub use services::{
    Aim, BucketState, Entry, KeyValues, Limits, Pending, ServiceError, Services, Space, Usage,
    Vacation, Verification, Versioned,
};
pub use session::PolicySession;
pub use signature::{KeyError, PublicKey, SigningKey};
pub use status::{HookCost, Status, StepStatus};
pub use step::StepInfo;
pub use subject::Observed;
pub use transaction::Transaction;
pub use trial::Tried;
pub use workbench::{
    AccountCase, AttemptCase, AuthCase, Bench, Case, CaseOutcome, CaseStep, ConnectionCase,
    Directory, Draft, EnvelopeCase, EventCase, Mail, NetworkCase, NotedCall, PageCase, Seen,
    Side as DraftSide, TriedMail, VacationCase, Workbench,
};
