/// Owner of a fixed number of elements that kernels work in. Zeroed at first, freed when the owner goes.
@safe struct Storage<Element: BitwiseCopyable & ExpressibleByIntegerLiteral>: ~Copyable {
    let elements: UnsafeMutableBufferPointer<Element>

    init(count: Int) {
        unsafe elements = .allocate(capacity: count)
        unsafe elements.initialize(repeating: 0)
    }

    deinit { unsafe elements.deallocate() }

    var pointer: UnsafeMutablePointer<Element> { unsafe elements.baseAddress! }
}
