//! # Lexicon
//!
//! | word | meaning | not |
//! |---|---|---|
//! | caller (*appelant*) | the person who dialled | user, client |
//! | person concerned (*personne concernée*) | the person who suffers; often not the caller | victim |
//! | listener (*écoutant*) | a trained volunteer who takes calls | agent |
//! | centre | a departmental association of listeners | queue, group |
//! | service | what a number stands for: one plan | line, DID |
//! | plan (*plan d'appel*) | the graph of steps of a service | script, IVR |
//! | step, verb | a node of the plan, what it does | node, block |
//! | prompt | recorded words, by name and language | file, announcement |
//! | leg | one party's signalling and sound | channel |
//! | stream | the RTP of one leg | session |
//! | session | in `sip`: what one INVITE made; in `sdp`: what was negotiated | call |
//! | trunk (*raccordement*) | what is agreed with one operator; one file | provider, gateway |
//! | peer (*machine*) | one address of an operator's that calls us and that we call | server, host |
//! | channel (*canal*) | one call at a time over a trunk, by contract | line, leg |
//! | flow | transport, both addresses, connection: the way to a peer (RFC 5626) | socket |
//! | binding | a registered contact and its flow | device |
//! | device | one binding, as the call sees it | endpoint |
//! | wish | ready or paused: the listener's own word | status |
//! | presence | wish ∧ reachable ∧ not busy ∧ fit: computed, never stored | state |
//! | tier, reach | how far from the department listeners are looked for, and for how long | skill |
//! | reservation, token | one listener kept for one caller: call, listener, generation | lock |
//! | outcome | what came of a ring | result |
//! | exclusion, cool-down | what an outcome costs: for this caller, for this listener | penalty |
//! | decision | what the dispatcher chose and why, kept for `ecoute explain` | log |
//! | termination | how a call ended: by whom, what, where; exactly one | hang-up cause |
//! | record | the one row a call leaves | CDR |
//! | drain | take no new calls, let the others end | shutdown |
//! | spool | records that wait until the store can take them | queue |
