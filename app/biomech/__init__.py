"""From a pose track to a judgement: pure numpy and scipy, no input or output, no clock."""
