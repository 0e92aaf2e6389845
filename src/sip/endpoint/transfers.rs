//! Who may transfer: REFER inside a dialog (RFC 3515) and Replaces in an INVITE (RFC 3891).
//!
//! Only a user of ours, only about his own calls, and only when [`EndpointConfig::transfer`](super::super::EndpointConfig)
//! is on. A caller, a trunk or a stranger is refused before the owner hears of it, and no call is ever placed from here.

use super::super::message::Message;
use super::super::session::Incoming;
use super::super::transfer::{Referral, Replaces};
use super::super::wire::Reply;
use super::super::{SessionId, Trust, capability};
use super::Endpoint;

impl Endpoint {
    /// A REFER inside a session.
    pub(super) fn on_refer(&mut self, id: SessionId, request: Incoming<'_, '_>) {
        let user = self.sessions.get(&id).and_then(|session| session.user()).map(str::to_owned);
        let allowed = self.core.config.transfer;
        let read = Referral::of(request.message);
        let replaced = match (&read, &user) {
            (Ok(Referral { replaces: Some(replaces), .. }), Some(user)) => {
                // 481 would tell the phone that the dialog it asks in is gone (RFC 5057 §5.1); it is only refused.
                self.session_replaced(replaces, user).map(Some).map_err(|_| 403)
            }
            _ => Ok(None),
        };
        self.with_session(id, |session, core| {
            if !session.take_turn(core, &request) {
                return;
            }
            match (allowed, user, read) {
                (false, ..) => {
                    let reply = capability::refusal(super::super::message::Method::Refer);
                    request.answer(core, &reply);
                }
                (true, None, _) => request.answer(core, &Reply::new(403)),
                (true, Some(_), Err(bad)) => request.answer(core, &Reply::new(400).phrase(Some(bad.phrase()))),
                (true, Some(_), Ok(referral)) => session.on_refer(core, &request, referral, replaced),
            }
        });
    }

    /// The session whose place an INVITE asks to take; or what to answer.
    pub(super) fn replaced(&self, message: &Message<'_>, trust: &Trust) -> Result<Option<SessionId>, Reply<'static>> {
        if !self.core.config.transfer {
            return Ok(None); // a header we do not know is passed over (§3); required, it was refused already
        }
        let replaces = match Replaces::of(message) {
            Ok(Some(replaces)) => replaces,
            Ok(None) => return Ok(None),
            Err(bad) => return Err(Reply::new(400).phrase(Some(bad.phrase()))),
        };
        match trust {
            Trust::User(user) => self.session_replaced(&replaces, user).map(Some).map_err(Reply::new),
            Trust::Trunk(_) | Trust::Registrar(_) | Trust::Nobody => Err(Reply::new(403)),
        }
    }

    /// §3 of RFC 3891, for `user`. A dialog that still rings is not replaced: its ring belongs to whoever placed it.
    fn session_replaced(&self, replaces: &Replaces, user: &str) -> Result<SessionId, u16> {
        let tag = String::from_utf8_lossy(&replaces.to_tag);
        let id = *self.core.local_tags.get(tag.as_ref()).ok_or(481_u16)?;
        let session =
            self.sessions.get(&id).filter(|s| s.is_dialog(&replaces.call_id, &replaces.from_tag)).ok_or(481_u16)?;
        match () {
            () if session.user() != Some(user) => Err(403),
            () if session.is_told() => Err(603),
            () if !session.is_up() => Err(481),
            () if replaces.early_only => Err(486),
            () => Ok(id),
        }
    }
}
