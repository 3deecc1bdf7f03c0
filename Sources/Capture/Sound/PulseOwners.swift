import CPulse

// Each owner holds one object of libpulse and releases it in its deinit. They are used on the main loop's thread, or by another
// thread that holds the main loop's lock.

/// A main loop with a thread of its own.
@safe final class PulseThread {
    let pointer: OpaquePointer

    /// Nil where the system has no memory or descriptor left.
    init?() {
        guard let pointer = unsafe pa_threaded_mainloop_new() else { return nil }
        unsafe self.pointer = unsafe pointer
    }

    deinit {
        finish()
        unsafe pa_threaded_mainloop_free(pointer)
    }

    /// Ends and joins the thread. Not on the loop's own thread, and not under its lock.
    func finish() { unsafe pa_threaded_mainloop_stop(pointer) }

    var api: UnsafeMutablePointer<pa_mainloop_api>? { unsafe pa_threaded_mainloop_get_api(pointer) }

    func start() -> Bool { unsafe pa_threaded_mainloop_start(pointer) == 0 }

    /// Calls the body while the loop's thread stands still. Not on the loop's own thread.
    func locked(_ body: () -> Void) {
        unsafe pa_threaded_mainloop_lock(pointer)
        body()
        unsafe pa_threaded_mainloop_unlock(pointer)
    }

    var isCurrent: Bool { unsafe pa_threaded_mainloop_in_thread(pointer) != 0 }
}

/// A connection to a server.
@safe final class PulseContext {
    let pointer: OpaquePointer

    init?(_ api: UnsafeMutablePointer<pa_mainloop_api>) {
        let properties = unsafe pa_proplist_new()
        defer { unsafe pa_proplist_free(properties) }
        _ = unsafe pa_proplist_sets(properties, PA_PROP_APPLICATION_NAME, "fwoc-agent")
        _ = unsafe pa_proplist_sets(properties, PA_PROP_APPLICATION_ICON_NAME, "audio-input-microphone")
        guard let pointer = unsafe pa_context_new_with_proplist(api, "fwoc-agent", properties) else { return nil }
        unsafe self.pointer = unsafe pointer
    }

    /// No callback is called from now on.
    func close() {
        unsafe pa_context_set_state_callback(pointer, nil, nil)
        unsafe pa_context_set_subscribe_callback(pointer, nil, nil)
        unsafe pa_context_disconnect(pointer)
    }

    deinit {
        close()
        unsafe pa_context_unref(pointer)
    }

    var state: pa_context_state_t { unsafe pa_context_get_state(pointer) }
    /// Why the last operation failed.
    var failure: String { unsafe String(cString: pa_strerror(pa_context_errno(pointer))) }
    /// The address it is connected to.
    var address: String? { unsafe pa_context_get_server(pointer).map { unsafe String(cString: $0) } }
}

/// A record stream of mono `Float` samples.
@safe final class PulseStream {
    let pointer: OpaquePointer

    init?(_ context: PulseContext) {
        var format = pa_sample_spec(format: PA_SAMPLE_FLOAT32LE, rate: 16_000, channels: 1)
        guard let pointer = unsafe pa_stream_new(context.pointer, "microphone", &format, nil) else { return nil }
        unsafe self.pointer = unsafe pointer
    }

    /// No callback is called from now on.
    func close() {
        unsafe pa_stream_set_state_callback(pointer, nil, nil)
        unsafe pa_stream_set_read_callback(pointer, nil, nil)
        unsafe pa_stream_set_moved_callback(pointer, nil, nil)
        unsafe pa_stream_set_suspended_callback(pointer, nil, nil)
        unsafe pa_stream_set_overflow_callback(pointer, nil, nil)
        unsafe pa_stream_set_latency_update_callback(pointer, nil, nil)
        unsafe pa_stream_disconnect(pointer)
    }

    deinit {
        close()
        unsafe pa_stream_unref(pointer)
    }

    var state: pa_stream_state_t { unsafe pa_stream_get_state(pointer) }
    var isSuspended: Bool { unsafe pa_stream_is_suspended(pointer) == 1 }
    var deviceName: String? { unsafe pa_stream_get_device_name(pointer).map { unsafe String(cString: $0) } }
}

extension SoundFormat {
    init(_ format: pa_sample_spec) {
        self.init(
            encoding: unsafe pa_sample_format_to_string(format.format).map { unsafe String(cString: $0) } ?? "unknown",
            rate: Int(format.rate), channels: Int(format.channels))
    }
}
