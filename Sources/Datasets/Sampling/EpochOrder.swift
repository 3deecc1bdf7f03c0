/// All rows once an epoch, in an order that follows from seed and epoch.
public enum EpochOrder {
    /// - Returns: the rows, shuffled; a position in it is all that has to be remembered to go on.
    public static func rows(_ rows: [Int], seed: UInt64, epoch: Int) -> [Int] {
        var generator = SeededGenerator(seed: seed, UInt64(epoch), 0x6F72_6465)
        var order = rows
        generator.shuffle(&order)
        return order
    }
}
