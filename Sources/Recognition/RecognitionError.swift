/// Why recognition cannot work with a model, or stopped.
public struct RecognitionError: Error, CustomStringConvertible, Equatable {
    /// The bundle's role whose model is at fault, for example `face-detector`.
    public let role: String
    public let description: String

    public init(role: String, _ description: String) {
        self.role = role
        self.description = "\(role): \(description)"
    }

    /// Runs a model's work and names the role in what it throws.
    static func naming<R>(_ role: String, _ body: () throws -> R) throws(RecognitionError) -> R {
        do { return try body() } catch let error as RecognitionError { throw error } catch {
            throw RecognitionError(role: role, "\(error)")
        }
    }
}
