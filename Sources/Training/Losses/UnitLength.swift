extension TorchTensor {
    /// Rows of length 1: x / max(|x|, 10⁻¹²), along the last axis.
    public func unitLength() throws(TorchError) -> TorchTensor {
        // The sum under the root keeps its slope finite for a row of zeros.
        try self / (square().sum([-1], keepsAxes: true) + 1e-24).squareRoot()
    }

    /// Squared Euclidean distances between rows, `[n, d]` and `[m, d]` → `[n, m]`, never negative.
    public func squaredDistances(to other: TorchTensor) throws(TorchError) -> TorchTensor {
        let own = try square().sum([-1], keepsAxes: true)
        let others = try other.square().sum([-1], keepsAxes: true).transposed()
        return try (own + others - matmul(other.transposed()) * 2).relu()
    }
}
