"""The modelled lab: the same brain, rules, faults and timeline in virtual time. No packet is sent.

    timers       every constant of the model, each with its source
    clock        virtual time: a heap of (time, sequence, action)
    history      what was in force when: the past that packets are walked over
    wire         a backbone link                        bfd         who notices when it falls silent
    switch       tables, rule timeouts, live ports      channel     one PoP's way to the brain (TCP)
    rconn        how a switch keeps its connection      session     … and how the brain sees it
    process      the brain as something that can be killed
    courses      the way of a packet over the history   probes      … of all probes, into the prober's file
    fairness     who gets how much of a full link       bulk        flows as a fluid
    oracle       stale routes, computing only what changed
    places       the forwarding of a network as arrays      upstream  … read backwards
    fates        whose packets arrive, walking again only what a change touches
    refusals     what the model cannot represent        lab         all of it behind the Protocol

Division of labour: while the clock runs, events change switches and links and leave their
history; what the traffic met is worked out from that history, once, when somebody asks.
"""
