extension TorchTensor {
    /// Rows of length 1, along the last axis. A row shorter than 10⁻⁶ stays as it is: divided by its length its slope would outgrow every other's.
    public func unitLength() throws(TorchError) -> TorchTensor {
        let squared = try square().sum([-1], keepsAxes: true)
        return try self / squared.isGreater(than: 1e-12).selecting(squared, else: squared.detached() * 0 + 1).squareRoot()
    }

    /// Squared Euclidean distances between rows, `[n, d]` and `[m, d]` → `[n, m]`, never negative.
    public func squaredDistances(to other: TorchTensor) throws(TorchError) -> TorchTensor {
        let own = try square().sum([-1], keepsAxes: true)
        let others = try other.square().sum([-1], keepsAxes: true).transposed()
        return try (own + others - matmul(other.transposed()) * 2).relu()
    }
}
