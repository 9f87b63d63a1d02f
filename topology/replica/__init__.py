"""The running thing: sandbox, links, Open vSwitch and Mininet."""
