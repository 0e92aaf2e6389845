//! # Decisions
//!
//! What was chosen where the choice was hard, what was refused, and what would change our mind.
//!
//! ## One bounded channel instead of two rings between shard and worker
//! Chosen: `crossbeam-channel` (its bounded flavour is an array ring) for commands, reports, datagrams and control, so that a
//! shard waits on all of them at once. Refused: hand-made SPSC rings with an eventfd each; at helpline rates the difference
//! cannot be measured, and waiting on several rings is the hard part. Changes our mind: a profile in which the channel shows.
//!
//! ## The shard is a value
//! Chosen: endpoint, calls and dispatcher in one sans-IO `node::Shard` with the same three words as the pure rooms. The
//! simulator runs it unchanged, with the media plane beside it. Refused: a task per call.
//!
//! ## The call speaks legs, the endpoint sessions
//! Chosen: two names and one map (`node/legs.rs`). Refused: one shared identifier; it would teach `sip` what a helpline is.
//!
//! ## A silent peer is asked, not cut
//! Chosen: when neither RTP nor RTCP comes for 30 s, a re-INVITE that changes nothing; a peer that lost the dialog answers
//! 481 or nothing, and the leg ends with its reason. Refused: hanging up on silence; silence can be distress, a muted phone,
//! or a codec with discontinuous transmission. Session timers (RFC 4028) do the same, more slowly.
//!
//! ## A listener's first sound is awaited eight seconds
//! Chosen: a listener's phone that answered and sends nothing at all sends the caller back to the queue, in front, with a
//! word of excuse. Refused: leaving her in silence until she hangs up. A phone on hold is exempt.
//!
//! ## Silence confirms what was keyed, never what was guessed
//! Chosen: after the name of the department is read back, silence counts as yes when the caller keyed it herself, and as no
//! when it came from the number's prefix. A wrong guess must cost nothing.
//!
//! ## The order of two answers
//! Chosen: the endpoint hands over the first 200 of each device; the call takes the first in its inbox and hangs up the rest
//! with "completed elsewhere". One shard, one inbox: there is no tie.
//!
//! ## A panic ends one call
//! Chosen: `catch_unwind` around one input of one call; its sessions are ended, its listener freed, the record says `fault`.
//! Not yet: taking the caller up again in a fresh call; it needs the checkpoints of a later version.
//!
//! ## A session is refreshed whether the peer counts or not
//! Chosen: session timers on by default, half an hour; a peer that does not know them is refreshed by us all the same, and what it
//! makes of that ends nothing unless it says that the call is gone (408, 481, silence). By UPDATE where its Allow has it, else
//! by a re-INVITE that repeats the last description to the letter. Refused: taking part only when asked, as a telephone that
//! loses its power in the middle of a call then holds a listener for hours. Changes our mind: a telephone that stumbles over
//! the re-INVITE (`sip.session_timer.interval_s = 0` is its cure).
//!
//! ## Reliable responses: understood, offered, and not sought
//! Chosen: whoever requires 100rel gets it, our own calls say that we know it, and who merely supports it gets plain responses,
//! for a PRACK more is a thing more that can get lost. A 180 that may not go out as it is (required, and no offer to put into
//! it) is left out. Of a telephone's descriptions before its answer the first counts, those of another fork void.
//!
//! ## A telephone does not send a caller elsewhere
//! Chosen: a 3xx of a listener's telephone is a refusal, and the next listener is rung: who speaks to a caller is the
//! dispatcher's choice. A trunk's 3xx can be followed ([`crate::sip::Redirect`]), over the same trunk, each address once.
//!
//! ## Who holds a call is asked now and then
//! Chosen: a re-INVITE every minute to whoever put the call on hold. Found by the simulator: a phone that dies while it holds
//! sends nothing, and silence is its right; the other side heard music for hours.
//!
//! ## Digest: strict where it protects, lenient where it does not
//! Chosen: SHA-256 and MD5 side by side (RFC 8760), nonces counted, the `uri` of the digest equal to the Request-URI but for a
//! default port that only one of them writes. Phones known to give up beside a challenge they do not know get MD5 alone, by
//! User-Agent. Refused: MD5 first for everybody. Changes our mind: a phone in the field that is not on that list.
//!
//! ## A wrong password costs the one who tried it
//! Chosen: tries are counted by source and account together; who has not failed at an account is judged at once; a digest over a
//! nonce that was not given to this very source is not judged at all. Refused: locking an account (anybody could lock a listener
//! out), ignoring a source (one old telephone would silence a centre), one budget of tries per account for all strangers
//! together (it is a lock by another name). The price: whoever owns ten thousand addresses has ten thousand first tries.
//! Changes our mind: passwords that people choose themselves.
//!
//! ## No automatic ban is longer than an hour
//! Chosen: a minute, then four times as long each time, an hour at most; never where a telephone of ours proved itself within a
//! week. Over UDP an address can be forged, and addresses change hands. Refused: days, as one does with firewalls.
//!
//! ## Tests run in a profile of their own
//! Chosen: `[profile.proof]`, optimised and without link-time optimisation, with every assertion and overflow check awake. The
//! simulator, the softphones and sipp judge that build. Refused: testing the release build, in which an overflow is silent.
//!
//! ## A key in the welcome counts
//! Chosen: a key cuts the welcome short and is the first key of the step behind it. Whoever knows the words need not hear them
//! again; the price is that an impatient key may answer a question not yet heard, and every question can be corrected.
//!
//! ## A trunk's settings are the trunk room's own types
//! Chosen: `config` imports `trunk` and fills its plain settings; one type, read once. Refused: a copy of each in `config` and a
//! translation in `node`, as for the older keys. Changes our mind: a second way in which trunks are configured.
//!
//! ## A caller an operator sends is welcomed, whatever number was dialled
//! Chosen: a trunk's unknown number is answered by its default plan; a translation nobody told us of must not cost a caller. The
//! networks of `sip.trusted_peers`, which belong to no contract, keep answering 404. `numbers.unknown` says otherwise.
//!
//! ## An anonymous From is believed
//! Chosen: a caller whose From says anonymous is hidden, even when an operator asserts a number without Privacy beside it: it is
//! his own word, and the doubt costs him one key at most. Refused: the asserted number, which RFC 3325 would allow.
//!
//! ## Silence to OPTIONS is not absence
//! Chosen: a peer that never answered a probe is tried after the others; only one that did and stops is down. When all are down
//! and none asked to be left alone, one is tried all the same. Refused: believing probes alone; some operators answer none, and
//! no callback would ever leave.
//!
//! ## Connections live on a small runtime, the shard hears whole messages
//! Chosen: TCP, TLS and WebSocket on one named tokio thread; each message whole into a bounded channel, and a full channel makes
//! the peer wait. A flow with connection 0 names a peer, not a connection, so that no pure room ever waits for one. Refused:
//! streams on the shard's own poll loop, where a slow handshake would stand beside a call.
//!
//! ## A telephone that sleeps is reachable only where somebody wakes it
//! A mobile telephone's connection ends when it sleeps (RFC 8599). With no push service named in the settings its binding ends
//! at once, for a caller must not wait for a telephone that will not come. With one named, the binding sleeps, counts as
//! reachable, and a call to it waits, as long as it may ring, for the telephone to register anew. We send no push ourselves:
//! it would take an HTTP/2 client and the makers' credentials inside the telephone engine; a list at the operations port is
//! enough for a small program beside it. A push service that all our listeners use would change our mind.
//!
//! ## One flow of a device at a time
//! A telephone with two connections (RFC 5626) is one device and is called over the latest; the other is for when that one
//! fails. STUN on the signalling port is answered to registered telephones alone: strangers learn nothing. A phone that
//! numbers its flows behind a proxy that keeps none is told so (439), as the RFC wants, rather than registered in silence
//! without the promise.
//!
//! ## One address means UDP and TCP
//! Chosen: `sip.listen = "192.0.2.10:5060"` takes both, as RFC 3261 §18 asks of every element. The price: a deployment whose
//! TCP port of that number is taken must write `udp:` before it.
//!
//! ## Wildcards in a peer's certificate
//! Chosen: a DNS name with a wildcard is believed, against RFC 5922 §7.2, when the certificate has no `sip:` name; the names on
//! the web work so. It rests on belief, not on a survey of carriers. Changes our mind: one that is hurt by it.
//!
//! ## A listener may change telephones, not hand his caller on
//! Chosen: with `sip.transfer` on, Replaces from a listener's other telephone takes the old one's place in the conversation; the
//! endpoint speaks REFER in full, and the node answers it 403. Who speaks to a caller is the dispatcher's choice alone, and
//! it knows no ring of one named listener beside a conversation of the same call. Refused: a call placed past the dispatcher,
//! which could ring a listener reserved for somebody else and would stand in no record. Changes our mind: a directed ring in
//! the dispatcher (transfer among listeners, consultation before it).
//!
//! ## A caller's attestation is counted, and changes nothing
//! Chosen: of a trunk's Identity header one letter is read, bounded and never verified. A helpline answers a forged number as
//! it answers a hidden one.
//!
//! ## A lost conversation counts to its last sound
//! Chosen: when a leg is lost after a silence, the record's length ends where the silence began; a hang-up counts to itself.
//!
//! ## What `sip.trusted_peers` says is a trunk like the others, and the last
//! Chosen: its networks stand beside the operators' files, as the trunk `local` without channels, probes or calls of ours. A
//! narrower network of an operator's file counts before it. Refused: to drop them as soon as a file is named, which would
//! have silenced a proxy or a test telephone for a reason that nobody sees.
//!
//! ## A test call over a trunk makes no sound
//! Chosen: `ecoute trunk call` offers `a=inactive`, writes down what each machine answers, and hangs up as soon as somebody
//! picks up. It takes the way that every call of ours takes: routes, channels, failover, what may not be dialled. Refused: a
//! recorded word for whoever picks up; a wrong number would be rung by a voice that speaks of abuse.
//!
//! ## A peer's patience is not the call's
//! Chosen: a machine that says nothing at all, not even 100, is left after some seconds (`outgoing.failover_s`), and what it
//! says later is acknowledged and hung up; one that said anything may let it ring. Refused: Timer B, half a minute in which
//! somebody who asked to be called back would hear nothing.
//!
//! ## A node that stops takes its registrations back at once
//! Chosen: at the first signal, while calls still go on, so that the operator sends new ones elsewhere; its answer is waited
//! for two seconds, since a dead registrar must not hold up a restart.
//!
//! ## Settings of a trunk that this version cannot keep are refused
//! Chosen: `media.srtp` and `media.early_media` are a fault at the start. Refused: reading them in silence; whoever writes
//! `srtp` believes that nobody listens in.
//!
//! ## Opus, G.722, SRTP and NATS are not here yet
//! The types leave room (`sdp::Codec`, `trunk::Srtp`, `cluster`). Nothing in the README claims them. Calls out over a trunk
//! are test calls so far: a listener on an ordinary telephone comes with the roster that knows one.
