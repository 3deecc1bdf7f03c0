import Foundation
import Gallery
import Synchronization

/// The gallery as a running agent sees it: read only, looked at again and again, so that who is enrolled or erased elsewhere is known or
/// forgotten here within a second.
///
/// A gallery that is not there yet is empty; one that cannot be used is said to be so, and the one in use is kept. Thread-safe.
final class LiveGallery: Sendable {
    private struct State {
        var path: String
        var open: Gallery?
        var snapshot = GallerySnapshot.empty
        var problem: String?
    }

    private let encoders: [Modality: EncoderIdentity]
    private let state: Mutex<State>

    init(path: String, encoders: [Modality: EncoderIdentity]) {
        self.encoders = encoders
        state = Mutex(State(path: path))
    }

    var path: String { state.withLock { $0.path } }
    var problem: String? { state.withLock { $0.problem } }
    var snapshot: GallerySnapshot { state.withLock { $0.snapshot } }

    /// Another file from now on.
    func move(to path: String) {
        state.withLock { state in
            guard state.path != path else { return }
            state = State(path: path)
        }
    }

    /// - Returns: the gallery where it is another than at the last look, or than none.
    func look() -> GallerySnapshot? {
        state.withLock { state in
            do {
                guard FileManager.default.fileExists(atPath: state.path) else {
                    state.open = nil
                    state.problem = nil
                    guard state.snapshot.revision != 0 || !state.snapshot.people.isEmpty else { return nil }
                    state.snapshot = .empty
                    return .empty
                }
                let gallery = try state.open ?? Gallery(path: state.path, access: .readOnly)
                let isFirst = state.open == nil
                state.open = gallery
                let revision = try gallery.revision()
                state.problem = nil
                guard isFirst || revision != state.snapshot.revision else { return nil }
                state.snapshot = try gallery.snapshot(encoders: encoders)
                return state.snapshot
            } catch {
                state.open = nil
                state.problem = "\(error)"
                return nil
            }
        }
    }
}
