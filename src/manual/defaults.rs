//! # Defaults that people feel
//!
//! | what | value | why |
//! |---|---|---|
//! | silence after a question | 6 s, twice | people over eighty need it; after that a human, never a hang-up |
//! | between digits | 5 s | a postcode is read from a letter, digit by digit |
//! | first words after ACK | first RTP, or 300 ms | the first syllable must not fall into a path that is not open |
//! | a guess is offered | at least 60 % of the block's numbers in one department | six digits reach it nine times in ten; a wrong guess costs one key |
//! | ring | 20 s | a volunteer walks to the laptop; then the next listener |
//! | listener's first sound | 8 s | a phone that answered and is mute has failed; the caller goes back to the queue, in front |
//! | media-silence watch | 30 s | RTP or RTCP counts; the peer is asked by re-INVITE before anything is ended |
//! | wrap-up | 30 s | notes; the listener can end it sooner |
//! | missed rings until pause | 3 | a ghost must not be rung all afternoon |
//! | registration | 60 to 3600 s | short enough to find ghosts, long enough for batteries |
//! | caller's number kept | 24 h | then overwritten in the file and its log |
//! | Retry-After when full | 5 to 10 s | the operator tries the other node meanwhile |
