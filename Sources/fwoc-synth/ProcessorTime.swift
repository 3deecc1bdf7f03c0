import Glibc

/// What this program and those that it started have used of processors.
enum ProcessorTime {
    /// Seconds, all threads together: encoders' helpers, the speaking children and the start are in it.
    static var used: Double {
        func seconds(_ who: Int32) -> Double {
            var usage = rusage()
            guard unsafe getrusage(who, &usage) == 0 else { return 0 }
            return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6
        }
        return seconds(Int32(RUSAGE_SELF.rawValue)) + seconds(Int32(RUSAGE_CHILDREN.rawValue))
    }
}
