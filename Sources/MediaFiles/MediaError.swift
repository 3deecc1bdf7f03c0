/// Why a media file could not be opened, read or written: what was wrong, where, and what to do.
public enum MediaError: Error, Hashable, Sendable {
    case noSuchFile(path: String)
    case permissionDenied(path: String)
    case directory(path: String)
    /// A pipe, socket or device: it cannot be opened twice nor sought in.
    case notRegularFile(path: String)
    case emptyFile(path: String)
    /// No container or picture format was recognised; `recognised` names a format that is not media or not allowed.
    case notMedia(path: String, recognised: String?)
    /// The format was recognised, but what its header or index says cannot be read.
    case damagedHeader(path: String, format: String, detail: String)
    /// The container opens, but no picture and no sound in it decodes.
    case nothingDecodes(path: String, detail: String)
    case unsupportedCodec(path: String, codec: String)
    case pictureTooLarge(path: String, width: Int, height: Int, limit: Int)
    case readFailed(path: String, detail: String)
    case writeFailed(path: String, operation: String, detail: String)
    /// This build of FFmpeg lacks an encoder.
    case encoderMissing(path: String, codec: String)

    /// What kind of trouble it is, for exit codes: `sysexits` 66, 65, 77, 74 and 69.
    public enum Category: Sendable { case noInput, badData, noPermission, inputOutput, unavailable }

    public var category: Category {
        switch self {
        case .noSuchFile, .directory, .notRegularFile: .noInput
        case .permissionDenied: .noPermission
        case .emptyFile, .notMedia, .damagedHeader, .nothingDecodes, .unsupportedCodec, .pictureTooLarge: .badData
        case .readFailed, .writeFailed: .inputOutput
        case .encoderMissing: .unavailable
        }
    }

    public var path: String {
        switch self {
        case .noSuchFile(let path), .permissionDenied(let path), .directory(let path), .notRegularFile(let path),
            .emptyFile(let path), .notMedia(let path, _), .damagedHeader(let path, _, _), .nothingDecodes(let path, _),
            .unsupportedCodec(let path, _), .pictureTooLarge(let path, _, _, _), .readFailed(let path, _),
            .writeFailed(let path, _, _), .encoderMissing(let path, _):
            path
        }
    }

    public var cause: String {
        switch self {
        case .noSuchFile: "no such file"
        case .permissionDenied: "permission denied"
        case .directory: "this is a directory, expected a file"
        case .notRegularFile: "this is a pipe, socket or device, expected a regular file"
        case .emptyFile: "the file is empty (0 bytes)"
        case .notMedia(_, nil): "this is no video, sound or picture format that is known, whatever its name says"
        case .notMedia(_, let recognised?): "this is '\(recognised)', expected a video, sound or picture file"
        case .damagedHeader(_, let format, let detail): "the header of this \(format) file cannot be read: \(detail)"
        case .nothingDecodes(_, let detail): "no picture and no sound in it decodes: \(detail)"
        case .unsupportedCodec(_, let codec): "no decoder for '\(codec)'"
        case .pictureTooLarge(_, let width, let height, let limit):
            "pictures of \(width)x\(height), expected at most \(limit) pixels"
        case .readFailed(_, let detail): "reading failed: \(detail)"
        case .writeFailed(_, let operation, let detail): "\(operation) failed: \(detail)"
        case .encoderMissing(_, let codec): "this build of FFmpeg has no encoder for \(codec)"
        }
    }

    public var remedy: String {
        switch self {
        case .noSuchFile: "check the path"
        case .permissionDenied: "check the permissions of the file and of the folders above it"
        case .directory: "name a file in it"
        case .notRegularFile: "save the data to a file first"
        case .emptyFile: "copy or record the file again"
        case .notMedia: "give a clip (mp4, webm, mkv, avi, …), a sound file (wav, ogg, mp3, flac, …) or a picture (JPEG, PNG, WebP)"
        case .damagedHeader: "the file is probably truncated or its recording was not finished: copy or record it again"
        case .nothingDecodes: "check the file with ffprobe; copy or record it again"
        case .unsupportedCodec: "convert the file to H.264 and AAC with ffmpeg"
        case .pictureTooLarge: "scale the file down with ffmpeg, or raise the limit"
        case .readFailed: "check the disk or network mount that holds the file"
        case .writeFailed: "check that the folder exists, is writable and has space left"
        case .encoderMissing: "install an FFmpeg that has it (Debian: ffmpeg, libavcodec)"
        }
    }
}

extension MediaError: CustomStringConvertible {
    public var description: String { "\(path): \(cause); \(remedy)" }
}
