//! What a token must let do for a request. Every request is named here: a new one that is not does not compile.

use waxwing_policy::Candidate;
use waxwing_store::{AdminScope, Area};

use super::keys::KeyRequest;
use super::rules::RuleRequest;
use super::{CertificateRequest, DomainRequest, PluginRequest, QueueRequest, Request};

/// The scope that a request takes; none: it is done over the socket only, by who has the machine.
pub(crate) fn scope(request: &Request) -> Option<AdminScope> {
    use AdminScope::{Read, Write};
    Some(match request {
        Request::DomainList
        | Request::Domain(DomainRequest::Dns { .. } | DomainRequest::Check { .. })
        | Request::DomainKey(KeyRequest::List { .. }) => Read(Area::Domains),
        Request::DomainQuota { quota, .. } if quota.is_empty() => Read(Area::Domains),
        Request::DomainAdd { .. }
        | Request::DomainRemove { .. }
        | Request::DomainQuota { .. }
        | Request::DomainKey(
            KeyRequest::Add { .. } | KeyRequest::Rotate { .. } | KeyRequest::Remove { .. },
        )
        | Request::Domain(DomainRequest::MtaSts { .. } | DomainRequest::NoMtaSts { .. }) => {
            Write(Area::Domains)
        }
        Request::AccountList { .. }
        | Request::AccountShow { .. }
        | Request::CredentialList { .. }
        | Request::AliasList { .. } => Read(Area::Accounts),
        Request::AccountQuota { quota, .. } if quota.is_empty() => Read(Area::Accounts),
        Request::AccountAdd { .. }
        | Request::AccountRemove { .. }
        | Request::AccountPassword { .. }
        | Request::AccountQuota { .. }
        | Request::AccountTotp { .. }
        | Request::AccountRecoveryCodes { .. }
        | Request::CredentialAdd { .. }
        | Request::CredentialRemove { .. }
        | Request::AliasAdd { .. }
        | Request::AliasRemove { .. } => Write(Area::Accounts),
        Request::AuditList { .. } => Read(Area::Audit),
        Request::FlowShow { .. } => Read(Area::Flow),
        Request::Status | Request::Certificate(CertificateRequest::List) => Read(Area::Status),
        Request::PluginList | Request::PluginDiff { .. } | Request::PluginHistory => {
            Read(Area::Policy)
        }
        Request::Plugin(PluginRequest::Builds) => Read(Area::Policy),
        // A file of the machine's, and a text that names files and secrets, are for who has the machine.
        Request::Plugin(PluginRequest::Replay {
            candidate: Candidate::File { .. } | Candidate::Policy { .. },
            ..
        }) => return None,
        Request::Plugin(_) | Request::PluginRollback { .. } => Write(Area::Policy),
        // What would have changed tells of mail, and costs the server work: who may only look is not let.
        Request::Rules(RuleRequest::Preview { .. } | RuleRequest::Save { .. }) => {
            Write(Area::Policy)
        }
        Request::Rules(
            RuleRequest::List | RuleRequest::Show { .. } | RuleRequest::Check { .. },
        ) => Read(Area::Policy),
        Request::Queue(QueueRequest::List { .. } | QueueRequest::Show { .. }) => Read(Area::Queue),
        Request::Queue(QueueRequest::Act { .. }) => Write(Area::Queue),
        Request::ReportList => Read(Area::Reports),
        Request::ReportSend => Write(Area::Reports),
        Request::Trace { .. } => Read(Area::Trace),
        // A token makes no tokens; orders count at whoever signs certificates; mail is moved with its contents, which follow on the socket; the whole store is read by `verify`.
        Request::TokenAdd { .. }
        | Request::TokenList
        | Request::TokenRemove { .. }
        | Request::Certificate(CertificateRequest::Order { .. })
        | Request::Mail(_)
        | Request::Verify => return None,
    })
}
