/// A block of memory at a 64-byte boundary, freed with its owner.
///
/// `@unchecked Sendable`: packed weights are written once, before they are shared; an arena is never shared.
@safe final class AlignedStorage: @unchecked Sendable {
    static let alignment = 64

    let base: UnsafeMutableRawPointer
    let byteCount: Int

    /// Zeroed memory.
    init(byteCount: Int) {
        self.byteCount = byteCount
        // Whole vectors may be read past the last element.
        let padded = Self.rounded(byteCount) + Self.alignment
        unsafe base = .allocate(byteCount: padded, alignment: Self.alignment)
        unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: padded)
    }

    convenience init(copying bytes: [UInt8]) {
        self.init(byteCount: bytes.count)
        unsafe bytes.withUnsafeBytes { source in
            if source.count > 0 { unsafe base.copyMemory(from: source.baseAddress!, byteCount: source.count) }
        }
    }

    deinit { unsafe base.deallocate() }

    static func rounded(_ bytes: Int) -> Int { (bytes + alignment - 1) & ~(alignment - 1) }
}
