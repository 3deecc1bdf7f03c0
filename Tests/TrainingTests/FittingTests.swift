import Testing

/// Trains small networks in this process, one after the other: each takes all of libtorch.
@Suite(.serialized) struct FittingTests {}
