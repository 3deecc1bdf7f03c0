import CFFmpeg

/// Packets that were read while another stream's were looked for: a ring of fixed size. Thread-bound.
@safe struct PacketQueue: ~Copyable {
    static let capacity = 1024
    static let mostBytes = 32 << 20

    private let slots: UnsafeMutablePointer<UnsafeMutablePointer<AVPacket>?>
    /// Only grow; the slot is the remainder.
    private var written = 0
    private var read = 0
    private var bytes = 0

    init() {
        unsafe slots = .allocate(capacity: PacketQueue.capacity)
        unsafe slots.initialize(repeating: nil, count: PacketQueue.capacity)
    }

    deinit {
        for index in 0..<PacketQueue.capacity { unsafe av_packet_free(slots + index) }
        unsafe slots.deallocate()
    }

    var isEmpty: Bool { written == read }
    var isFull: Bool { written - read == PacketQueue.capacity || bytes >= PacketQueue.mostBytes }

    /// Takes over the packet's data.
    /// - Precondition: not full.
    mutating func push(_ packet: borrowing Packet) {
        precondition(written - read < PacketQueue.capacity, "packet queue over its capacity")
        let slot = unsafe slots + written % PacketQueue.capacity
        if unsafe slot.pointee == nil { unsafe slot.pointee = av_packet_alloc() }
        bytes += unsafe Int(packet.pointer.pointee.size)
        unsafe av_packet_move_ref(slot.pointee, packet.pointer)
        written += 1
    }

    /// The oldest packet goes into `packet`; false where there is none.
    mutating func pop(into packet: borrowing Packet) -> Bool {
        guard !isEmpty else { return false }
        let slot = unsafe slots + read % PacketQueue.capacity
        unsafe av_packet_move_ref(packet.pointer, slot.pointee)
        bytes -= unsafe Int(packet.pointer.pointee.size)
        read += 1
        return true
    }
}
