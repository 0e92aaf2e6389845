//! What a leg is being played: a list of prompts, once or again and again, frame by frame.

use std::sync::Arc;
use std::time::Duration;

use crate::sdp::Codec;

use super::wheel::BEAT_MS;
use super::{PlaybackId, Prompt};

/// One running playback.
#[derive(Clone, Debug)]
pub(super) struct Playback {
    pub id: PlaybackId,
    prompts: Vec<Arc<Prompt>>,
    /// Frames of silence between two rounds.
    pause: Option<u32>,
    prompt: usize,
    frame: usize,
    pause_left: u32,
}

/// What the next frame is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// Sound; `first` says that it begins after silence.
    Frame { sound: &'a [u8], first: bool },
    /// The pause between two rounds.
    Pause,
    /// Played to its end.
    End,
}

impl Playback {
    /// Begin with the first frame of the first prompt.
    pub fn new(id: PlaybackId, prompts: Vec<Arc<Prompt>>, repeat: Option<Duration>) -> Playback {
        let frames = |pause: Duration| (pause.as_millis() as u64).div_ceil(BEAT_MS).min(u64::from(u32::MAX)) as u32;
        Playback { id, prompts, pause: repeat.map(frames), prompt: 0, frame: 0, pause_left: 0 }
    }

    /// Nothing is left to play, so no frame need be waited for.
    pub fn is_over(&self) -> bool {
        let left = |prompt: &Arc<Prompt>| prompt.frames() > 0;
        match self.pause {
            Some(_) => !self.prompts.iter().any(left),
            None => !self
                .prompts
                .iter()
                .enumerate()
                .any(|(n, p)| left(p) && (n > self.prompt || n == self.prompt && self.frame < p.frames())),
        }
    }

    /// The next frame, in the coding the leg has now.
    pub fn next(&mut self, codec: Codec) -> Next<'_> {
        if self.pause_left > 0 {
            self.pause_left -= 1;
            return Next::Pause;
        }
        // Two rounds find a frame if there is one.
        for _ in 0..=2 * self.prompts.len() {
            match self.prompts.get(self.prompt) {
                Some(prompt) if self.frame < prompt.frames() => {
                    self.frame += 1;
                    let first = self.frame == 1 && self.prompt == 0;
                    let prompt = &self.prompts[self.prompt];
                    return prompt.frame(codec, self.frame - 1).map_or(Next::End, |sound| Next::Frame { sound, first });
                }
                Some(_) => {
                    self.prompt += 1;
                    self.frame = 0;
                }
                None => match self.pause {
                    None => return Next::End,
                    Some(pause) => {
                        self.prompt = 0;
                        self.frame = 0;
                        if pause > 0 && !self.is_over() {
                            self.pause_left = pause - 1;
                            return Next::Pause;
                        }
                    }
                },
            }
        }
        Next::End
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(value: i16, frames: usize) -> Arc<Prompt> {
        Arc::new(Prompt::from_samples("a", 8000, &vec![value; frames * 160]))
    }

    fn play(mut playback: Playback, most: usize) -> String {
        let mut heard = String::new();
        for _ in 0..most {
            heard.push(match playback.next(Codec::Pcma) {
                Next::Frame { first: true, .. } => 'F',
                Next::Frame { .. } => 'f',
                Next::Pause => '-',
                Next::End => '.',
            });
            if heard.ends_with('.') {
                break;
            }
        }
        heard
    }

    /// Prompts follow each other without a gap, rounds follow with the pause asked for, and nothing ends nothing.
    #[test]
    fn order_and_rounds() {
        let list = || vec![prompt(1, 2), prompt(2, 0), prompt(3, 1)];
        assert_eq!(play(Playback::new(PlaybackId(1), list(), None), 20), "Fff.");
        assert_eq!(play(Playback::new(PlaybackId(1), list(), Some(Duration::from_millis(40))), 12), "Fff--Fff--Ff");
        assert_eq!(play(Playback::new(PlaybackId(1), list(), Some(Duration::ZERO)), 7), "FffFffF");
        for repeat in [None, Some(Duration::ZERO), Some(Duration::from_secs(1))] {
            assert_eq!(play(Playback::new(PlaybackId(1), vec![prompt(1, 0); 3], repeat), 20), ".");
            assert_eq!(play(Playback::new(PlaybackId(1), vec![], repeat), 20), ".");
            assert!(Playback::new(PlaybackId(1), vec![], repeat).is_over());
        }
    }

    /// It is over with its last frame, not one beat later.
    #[test]
    fn over_with_the_last_frame() {
        let mut playback = Playback::new(PlaybackId(1), vec![prompt(1, 2), prompt(1, 0)], None);
        assert!(!playback.is_over());
        playback.next(Codec::Pcma);
        assert!(!playback.is_over());
        playback.next(Codec::Pcma);
        assert!(playback.is_over());
    }
}
