import Synchronization
import Tensors

/// Constants in the form that kernels read, kept once for all networks that share the store.
///
/// Found by content, so that a network planned again for other input shapes finds what its predecessor packed. Thread-safe.
final class WeightStore: Sendable {
    private struct Key: Hashable {
        let layout: String
        let shape: [Int]
        let digest: Int
        let secondDigest: Int
    }

    private let entries = Mutex<[Key: AlignedStorage]>([:])

    /// The storage for `tensor` in `layout`, made by `pack` where it is not there yet.
    /// - Parameter layout: names everything that `pack` does beside copying, the variant included.
    func storage(for tensor: Tensor, layout: String, byteCount: Int, pack: (AlignedStorage) -> Void) -> AlignedStorage {
        let key = Key(
            layout: layout, shape: tensor.shape, digest: Self.digest(of: tensor, salt: 1), secondDigest: Self.digest(of: tensor, salt: 2))
        if let known = entries.withLock({ $0[key] }) { return known }
        let storage = AlignedStorage(byteCount: byteCount)
        pack(storage)
        entries.withLock { $0[key] = storage }
        return storage
    }

    /// The tensor's own bytes.
    func storage(for tensor: Tensor) -> AlignedStorage {
        storage(for: tensor, layout: "\(tensor.elementType)", byteCount: tensor.bytes.count) { storage in
            unsafe tensor.bytes.withUnsafeBytes { source in
                if source.count > 0 { unsafe storage.base.copyMemory(from: source.baseAddress!, byteCount: source.count) }
            }
        }
    }

    var byteCount: Int { entries.withLock { $0.values.reduce(0) { $0 + $1.byteCount } } }

    /// A name for a tensor's content, to be part of a layout.
    static func name(_ tensor: Tensor) -> String { "\(digest(of: tensor, salt: 1)) \(digest(of: tensor, salt: 2))" }

    /// Keyed by a per-process random seed: two digests of 64 bits do not collide, not even on purpose.
    private static func digest(of tensor: Tensor, salt: Int) -> Int {
        var hasher = Hasher()
        hasher.combine(salt)
        unsafe tensor.bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return hasher.finalize()
    }
}
