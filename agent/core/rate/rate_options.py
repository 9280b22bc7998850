"""Every constant of the bitrate controller, and why it has its value. "The draft" is
draft-ietf-rmcat-gcc.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BitrateOptions:
    """Bounds in bit/s, intervals in seconds, the rest as fractions. Raises ValueError on bounds out
    of order.
    """

    # start: 720p30 that looks well, without asking for a fast uplink
    bitrate: int = 2_000_000
    # under it firmware encoders misbehave and the picture is no use
    min_bitrate: int = 250_000
    max_bitrate: int = 4_000_000

    # loss, draft section 6
    loss_low: float = 0.02  # under it: grow
    # over it: back off
    loss_high: float = 0.10
    # reports of less time than this are summed: a few packets make no fraction
    loss_interval: float = 0.5
    # at it one sample settles an experiment; half the packets can be cut at once
    loss_severe: float = 0.25
    # a path that loses more is of no use at any rate: keep backing off
    inherent_loss_max: float = 0.20
    # a tenth less must take about ten points of loss away, five times the noise
    trial_decrease: float = 0.90
    # samples that lie wholly after the step
    trial_samples: int = 2
    # and about this many seconds' worth of packets, or noise decides; at most five samples
    trial_bits: float = 1.5e6
    # held this long between low and high: find out whether the loss is ours
    trial_after_hold: float = 8.0

    # delay, draft section 5 with round trips for arrival times
    # the shortest round trip of this long is the path without a queue
    delay_base_window: float = 30.0
    # over the base: beyond the noise of Wi-Fi, under what a viewer notices
    delay_threshold: float = 0.05
    # or this much of the base, on long paths, whose noise is larger
    delay_threshold_ratio: float = 0.25
    # of the threshold: stop growing before having to back off
    delay_hold_ratio: float = 0.6
    # a single long round trip is no queue, unless another signal agrees
    delay_persistence: float = 0.4
    # over the base: no corroboration needed
    delay_severe: float = 0.20
    delay_decrease: float = 0.85  # the draft's beta
    # a change of round trip is not enough evidence for more
    delay_decrease_floor: float = 0.50
    # but a long round trip with loss is: what arrives is what fits
    delivered_floor: float = 0.25
    # seconds a second: it drains, leave it to
    delay_falling: float = -0.02
    # a sender report travels once a second; faster is the same evidence
    delay_decrease_interval: float = 1.0
    # of what was seen to fit: targets leave out headers
    fit_margin: float = 0.95
    # a standing queue shall be gone in about this time
    drain_time: float = 3.0
    # of the capacity: a picture remains while it drains
    drain_floor: float = 0.55
    # over its own floor, and over `jitter_floor`: agrees with a long round trip
    jitter_rise: float = 2.0
    # half a frame: below it jitter is the frames' own bursts
    jitter_floor: float = 0.015
    # so much less sent, and the round trip has not moved: it is the path's
    path_change_decrease: float = 0.6

    # REMB
    # of the one before: libwebrtc lowers it only when it sees a queue
    remb_fall: float = 0.995
    # how far we may run ahead of one that climbs: 8 % a second would never be caught up with
    remb_slack: float = 2.5
    # a first value is the rate of arrival, and varies with the frames
    remb_tolerance: float = 0.90
    # of what is sent; what arrives is 1 / 0.85 of it, so nearly all does
    remb_shallow: float = 0.75
    # enough for a fall that comes before the queue shows in round trips
    remb_early_decrease: float = 0.90
    # after a deeper fall the shallow ones belong to it
    remb_deep_age: float = 5.0
    # climbed within it: trailing us; after a queue went, libwebrtc may hold it this long
    remb_rise_age: float = 8.0
    # a fall agrees with losses or a long round trip for this long
    remb_corroborates: float = 2.0
    # as long as a queue of ours may take to drain, its value is the capacity's
    remb_fall_age: float = 8.0
    # ahead of one that did not climb at its last sending: do not grow,
    remb_pause: float = 1.6
    # if round trips agree by this much that it may be a queue
    remb_pause_delay: float = 0.01
    # after a fall while nothing waits in the network: then it climbs, or it is a cap indeed
    remb_doubt: float = 3.0
    # sent at least once a second; older ones bind nobody
    remb_age: float = 5.0

    # growth
    # a second, under the draft's 0.08: near the last capacity, and to begin with
    growth: float = 0.05
    # a second: below that capacity, or after `growth_ramp` seconds without trouble
    growth_fast: float = 0.20
    # several reports must have been good before growth is fast
    growth_ramp: float = 6.0
    # a second, the draft's: to begin with where reports name what arrived, and nothing waits
    growth_seen: float = 0.08
    # a queue would be seen as it begins
    growth_ramp_seen: float = 4.0
    # of these, where no REMB would tell of a queue before the next report does
    growth_blind: float = 0.8
    # of the capacity: the neighborhood that is crossed slowly
    near_low: float = 0.85
    # a capacity is measured to within a fifth; passing this it was another one
    near_high: float = 1.2
    # closer than this (or its inverse) to the known one: measured again, and averaged
    capacity_same: float = 0.75
    # of the new measurement: about the last three count
    capacity_weight: float = 0.3
    # plus a round trip: see what it did first
    hold_after_decrease: float = 1.0
    # grow no further over what is sent: an unused rate is untested
    sent_slack: float = 1.5
    # measured once a second
    sent_age: float = 3.0
    # three reports missing: do not grow blindly
    report_age: float = 3.0
    # RFC 8083 4.1: no feedback is congestion of the worst kind
    report_timeout: float = 4.0
    # about half in two intervals
    report_timeout_decrease: float = 0.7
    # seconds between such steps: the picture survives a short gap
    report_timeout_interval: float = 2.0

    # arrivals: reports of the highest sequence number, beside what was sent when
    # between two reports that are compared: eight frames, so that one is no rate
    arrival_interval: float = 0.25
    # reports closer than this tell of one moment
    arrival_apart: float = 0.1
    # three reports of a browser: a queue that none of them misses stands
    arrival_window: float = 0.6
    # seconds of waiting that are no queue but a picture's own packets
    arrival_clear: float = 0.02
    # seconds of waiting at both: a queue that stood all the time
    arrival_threshold: float = 0.05
    # at one of them: a queue, whatever was before
    arrival_severe: float = 0.2
    # of what there was to carry has arrived: less is congestion, not noise
    arrival_share: float = 0.9
    # without sending, after which a queue may have been empty in between
    arrival_gap: float = 0.1
    # of the target: closer to it a measured capacity changes nothing
    arrival_fits: float = 0.92
    # of what arrived, which counts headers and what was resent
    arrival_margin: float = 0.95
    # seconds from one to the other: it grows, where a longer path stays as it is
    arrival_rising: float = 0.03
    # more lost, and what arrived proves nothing
    arrival_loss: float = 0.05
    # a longer queue is left to drain, and a key frame follows: it shows sooner what is now
    pause_delay: float = 0.25
    # of what there was to carry: it is filled still
    pause_share: float = 0.7
    # seconds without a picture
    pause_longest: float = 0.5

    # our own queue, RTCP NACK
    send_queue_age: float = 0.2  # six frames
    # a key frame may take this long to pace out
    send_queue_persistence: float = 1.0
    # they are summed over this long, until the report that counts the loss
    nack_interval: float = 1.0
    # to turn a rate into packets
    nack_packet_bytes: int = 1200

    # what reaches the encoder
    # less would not be seen, and every step costs the encoder's rate control
    step_down: float = 0.05
    # gentler up than down
    step_up: float = 0.08
    # ten frames: REMB falls up to five times a second
    interval_down: float = 0.3
    # a report in between
    interval_up: float = 1.0
    # of targets, to know what was sent when a late report says how it fared
    history_age: float = 10.0

    def __post_init__(self) -> None:
        if not 0 < self.min_bitrate <= self.bitrate <= self.max_bitrate:
            raise ValueError(
                f"bitrates must satisfy 0 < min_bitrate <= bitrate <= max_bitrate, "
                f"got {self.min_bitrate}, {self.bitrate}, {self.max_bitrate}"
            )
