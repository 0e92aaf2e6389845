//! A 3xx to our INVITE: RFC 3261 §8.1.3.4. Followed only where the owner said so, over the same way as the first INVITE, each
//! URI once; so no circle of diversions can keep a caller waiting.

use std::collections::VecDeque;

use super::super::Redirect;
use super::super::message::{Message, Uri};
use super::super::reading;

/// Where an INVITE was, and where it may still go.
#[derive(Debug)]
pub(super) struct Redirection {
    /// Request-URIs that had their turn.
    tried: Vec<Vec<u8>>,
    left: VecDeque<Vec<u8>>,
    /// How many more may be tried.
    budget: u8,
}

/// Contacts that wait for their turn; a longer list is cut.
pub(in crate::sip) const LEFT_MAX: usize = 16;

impl Redirection {
    pub fn new(redirect: Redirect, first: Vec<u8>) -> Redirection {
        let budget = match redirect {
            Redirect::Refuse => 0,
            Redirect::Follow { max } => max,
        };
        Redirection { tried: vec![first], left: VecDeque::new(), budget }
    }

    /// The INVITE failed with `status`: the next URI to try, if there is one. Who declines for everybody (6xx) is heeded.
    pub fn next(&mut self, status: u16, message: &Message<'_>) -> Option<Vec<u8>> {
        if self.budget == 0 || status >= 600 {
            return None;
        }
        if (300..=399).contains(&status) {
            for uri in reading::contact_uris(message) {
                if self.is_new(&uri) && self.left.len() < LEFT_MAX {
                    self.left.push_back(uri);
                }
            }
        }
        let uri = self.left.pop_front()?;
        self.budget -= 1;
        self.tried.push(uri.clone());
        Some(uri)
    }

    fn is_new(&self, uri: &[u8]) -> bool {
        let Ok(read) = Uri::parse(uri) else { return false };
        let same = |known: &Vec<u8>| Uri::parse(known).is_ok_and(|known| known.equivalent(&read));
        read.is_sip() && !self.tried.iter().chain(&self.left).any(same)
    }
}
