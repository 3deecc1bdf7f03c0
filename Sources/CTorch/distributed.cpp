// SPDX-License-Identifier: Apache-2.0
//
// Several processes that train together: c10d's gloo engine with its TCP store. libtorch has it where it was built with gloo; its header wants
// gloo's own headers of the same version, which Debian has in libgloo-dev. Without them (CTORCH_GLOO is not defined) making a group fails, and
// says so; the rest of the shim does not need it.

#include "shim.h"

#if defined(CTORCH_GLOO) && __has_include(<gloo/context.h>)

#define USE_C10D_GLOO
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <sstream>
#include <thread>
#include <vector>

using namespace shim;

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

std::string text(const std::vector<uint8_t> &bytes) { return std::string(bytes.begin(), bytes.end()); }
std::vector<uint8_t> bytes(const std::string &text) { return std::vector<uint8_t>(text.begin(), text.end()); }

std::string seconds(milliseconds time) {
    std::ostringstream out;
    out << static_cast<double>(time.count()) / 1000 << " s";
    return out.str();
}

struct Group {
    c10::intrusive_ptr<c10d::TCPStore> store;
    c10::intrusive_ptr<c10d::ProcessGroupGloo> gloo;
    int rank, size;
    milliseconds timeout;
    // Why nothing more can be exchanged; empty while all is well.
    std::string broken;
};

Group &group(ctorch_group *x) { return *reinterpret_cast<Group *>(x); }

// The address of this machine that the others reach it at: the one from which it reaches rank 0. A host name's own address is often a loopback one.
std::string own_address(const std::string &host, int port) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_DGRAM;
    const int status = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    TORCH_CHECK(status == 0, "the host of rank 0, '", host, "', is not known: ", gai_strerror(status));
    std::string address;
    for (const addrinfo *each = found; each && address.empty(); each = each->ai_next) {
        const int descriptor = socket(each->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (descriptor < 0) continue;
        sockaddr_storage own{};
        socklen_t length = sizeof own;
        char name[NI_MAXHOST];
        // Connecting a datagram socket sends nothing; it looks up the route.
        if (connect(descriptor, each->ai_addr, each->ai_addrlen) == 0 && getsockname(descriptor, reinterpret_cast<sockaddr *>(&own), &length) == 0
            && getnameinfo(reinterpret_cast<sockaddr *>(&own), length, name, sizeof name, nullptr, 0, NI_NUMERICHOST) == 0)
            address = name;
        close(descriptor);
    }
    freeaddrinfo(found);
    TORCH_CHECK(!address.empty(), "no route to the host of rank 0, '", host, "'");
    return address;
}

// Every process announces itself and waits for the others; what does not fit is found here, where it can be named, and told to the others.
void meet(Group &group, const std::string &place) {
    c10d::TCPStore &store = *group.store;
    const std::string size = std::to_string(group.size), failure = "fwoc/failure";
    store.add("fwoc/arrived", 1);
    // Rank 0 holds the store: it stays until those who have arrived have read the reason too.
    const auto leave = [&](const std::string &reason) {
        store.add("fwoc/told", 1);
        const auto patience = Clock::now() + milliseconds(2000);
        while (group.rank == 0 && store.add("fwoc/told", 0) < store.add("fwoc/arrived", 0) && Clock::now() < patience)
            std::this_thread::sleep_for(milliseconds(10));
        TORCH_CHECK(false, reason);
    };
    const auto refuse = [&](const std::string &reason) {
        store.set(failure, bytes(reason));
        leave(reason);
    };
    const std::string agreed = text(store.compareSet("fwoc/size", {}, bytes(size)));
    if (agreed != size) {
        refuse("rank " + std::to_string(group.rank) + " was told that there are " + size + " processes, others at " + place + " that there are " + agreed
            + "; give every process the same number");
    }
    const auto key = [](int rank) { return "fwoc/rank/" + std::to_string(rank); };
    if (store.add("fwoc/taken/" + std::to_string(group.rank), 1) != 1) {
        refuse("two processes at " + place + " were given rank " + std::to_string(group.rank) + " of " + size + "; give each its own, from 0");
    }
    store.set(key(group.rank), bytes("here"));
    const auto deadline = Clock::now() + group.timeout;
    for (int rank = 0; rank < group.size;) {
        if (store.check({failure})) leave(text(store.get(failure)));
        if (store.check({key(rank)})) {
            rank++;
            continue;
        }
        TORCH_CHECK(Clock::now() < deadline, "rank ", rank, " of ", group.size, " did not come to ", place, " within ", seconds(group.timeout),
            "; is it running, with the same address, port and number of processes?");
        std::this_thread::sleep_for(milliseconds(10));
    }
}

// What a caller did wrong, found before anything was exchanged or on every process at once.
struct Misuse : std::runtime_error {
    using std::runtime_error::runtime_error;
};

template <class... Parts>
[[noreturn]] void misuse(const Parts &...parts) {
    throw Misuse(c10::str(parts...));
}

// Runs one exchange. After a failure the processes are no longer in step, and nothing more can be exchanged.
template <class Body>
ctorch_status exchanging(ctorch_group *handle, const char *name, Body &&body) noexcept {
    return guarded([&] {
        Group &own = group(handle);
        TORCH_CHECK(own.broken.empty(), "this group of processes is broken since an earlier failure: ", own.broken);
        at::NoGradGuard guard;
        try {
            body(own);
        } catch (const Misuse &error) {
            throw Misuse(std::string(name) + ": " + error.what());
        } catch (const std::exception &error) {
            const auto *known = dynamic_cast<const c10::Error *>(&error);
            std::ostringstream out;
            out << name << " on rank " << own.rank << " of " << own.size << ": another process has ended, has lost its connection, or has not come this far within "
                << seconds(own.timeout) << " (" << (known ? known->what_without_backtrace() : error.what()) << ")";
            own.broken = out.str();
            TORCH_CHECK(false, own.broken);
        }
    });
}

void wait(const c10::intrusive_ptr<c10d::Work> &work) {
    // Throws what happened.
    if (!work->wait()) TORCH_CHECK(false, "not finished");
}

void sum(Group &group, at::Tensor &values) {
    std::vector<at::Tensor> list{values};
    c10d::AllreduceOptions options;
    options.timeout = group.timeout;
    wait(group.gloo->allreduce(list, options));
}

std::vector<at::Tensor> gather(Group &group, const at::Tensor &values) {
    std::vector<at::Tensor> in{values};
    std::vector<std::vector<at::Tensor>> out(1);
    for (int rank = 0; rank < group.size; rank++) out[0].push_back(at::empty_like(values));
    c10d::AllgatherOptions options;
    options.timeout = group.timeout;
    wait(group.gloo->allgather(out, in, options));
    return out[0];
}

// Gloo would hang or mix numbers up where processes bring different amounts. One short message before a long one.
void agree(Group &group, int64_t count, const char *what) {
    const auto counts = gather(group, at::full({1}, count, at::kLong));
    for (int rank = 0; rank < group.size; rank++) {
        const int64_t other = counts[static_cast<size_t>(rank)].item<int64_t>();
        if (other != count) misuse("rank ", rank, " ", what, " ", other, " numbers, rank ", group.rank, " ", count);
    }
}

// The elements of a tensor without gaps, in the order in which they lie in memory, as one dimension; the tensor's own memory.
at::Tensor flat(const at::Tensor &x) { return x.as_strided({x.numel()}, {1}); }

// Tensors of one type, one after the other in a bucket on the processor; their memory orders are the same on every process, as their makers are.
struct Bucket {
    at::Tensor values;
    std::vector<int64_t> offsets;

    Bucket(const std::vector<at::Tensor> &tensors, int64_t extra) {
        int64_t count = 0;
        for (const at::Tensor &x : tensors) {
            if (x.scalar_type() != tensors[0].scalar_type() || !at::isFloatingType(x.scalar_type()))
                misuse("tensors of ", tensors[0].scalar_type(), " and of ", x.scalar_type(), " in one exchange; expected one floating-point type");
            offsets.push_back(count);
            count += x.numel();
        }
        values = at::zeros({count + extra}, at::TensorOptions().dtype(tensors.empty() ? at::kFloat : tensors[0].scalar_type()));
    }

    at::Tensor slot(size_t index, const at::Tensor &x) const { return values.narrow(0, offsets[index], x.numel()); }
};

at::Tensor dense(const at::Tensor &x) { return x.is_non_overlapping_and_dense() ? x : x.contiguous(); }

}  // namespace

bool ctorch_has_groups(void) { return true; }

ctorch_status ctorch_group_create(const char *host, int32_t port, int32_t rank, int32_t size, double timeout, ctorch_group **out) {
    return guarded([&] {
        TORCH_CHECK(size >= 1, size, " processes; expected at least 1");
        TORCH_CHECK(rank >= 0 && rank < size, "rank ", rank, " among ", size, " processes; expected 0 to ", size - 1);
        TORCH_CHECK(port >= 1 && port <= 65535, "port ", port, "; expected 1 to 65535");
        TORCH_CHECK(timeout > 0 && timeout < 1e7, "a timeout of ", timeout, " s; expected more than 0");
        const std::string place = std::string(host) + ":" + std::to_string(port);
        std::unique_ptr<Group> made(new Group());
        made->rank = rank;
        made->size = size;
        made->timeout = milliseconds(std::max<int64_t>(1, static_cast<int64_t>(timeout * 1000)));
        const char *interface = std::getenv("GLOO_SOCKET_IFNAME");
        const std::string address = interface && *interface ? std::string() : own_address(host, port);
        c10d::TCPStoreOptions options;
        options.port = static_cast<uint16_t>(port);
        options.isServer = rank == 0;
        options.waitWorkers = false;
        // The store counts in whole seconds.
        options.timeout = std::max(made->timeout, milliseconds(1000));
        try {
            made->store = c10::make_intrusive<c10d::TCPStore>(std::string(host), options);
        } catch (const std::exception &error) {
            const auto *known = dynamic_cast<const c10::Error *>(&error);
            const std::string reason = known ? known->what_without_backtrace() : error.what();
            TORCH_CHECK(rank != 0, "rank 0 cannot listen at ", place, "; is the port taken, or the address not this machine's? (", reason, ")");
            TORCH_CHECK(false, "rank 0 does not answer at ", place, " within ", seconds(options.timeout), "; is it running, with the same address and port? (", reason, ")");
        }
        made->store->setTimeout(made->timeout);
        meet(*made, place);
        auto gloo = c10d::ProcessGroupGloo::Options::create(made->timeout);
        gloo->devices.push_back(address.empty() ? c10d::ProcessGroupGloo::createDeviceForInterface(interface)
                                                : c10d::ProcessGroupGloo::createDeviceForHostname(address));
        gloo->threads = 2;
        made->gloo = c10::make_intrusive<c10d::ProcessGroupGloo>(made->store, rank, size, gloo);
        *out = reinterpret_cast<ctorch_group *>(made.release());
    });
}

void ctorch_group_release(ctorch_group *handle) {
    guarded([&] { delete reinterpret_cast<Group *>(handle); });
}

ctorch_status ctorch_group_sum_gradients(ctorch_group *handle, ctorch_tensor *const *weights, int32_t count) {
    return exchanging(handle, "sum of gradients", [&](Group &group) {
        std::vector<at::Tensor> tensors;
        for (int32_t i = 0; i < count; i++) tensors.push_back(in(weights[i]));
        // Behind the gradients, how many processes have each: a weight that none used has none afterwards either.
        Bucket bucket(tensors, count);
        agree(group, bucket.values.numel(), "brings gradients of");
        at::Tensor present = at::zeros({count}, at::kDouble);
        for (size_t i = 0; i < tensors.size(); i++) {
            const at::Tensor &gradient = tensors[i].grad();
            if (!gradient.defined()) continue;
            bucket.slot(i, tensors[i]).copy_(flat(gradient.strides() == tensors[i].strides() ? gradient : at::empty_like(tensors[i]).copy_(gradient)));
            present.data_ptr<double>()[i] = 1;
        }
        at::Tensor tail = bucket.values.narrow(0, bucket.values.numel() - count, count);
        tail.copy_(present);
        sum(group, bucket.values);
        present.copy_(tail);
        for (size_t i = 0; i < tensors.size(); i++) {
            if (present.data_ptr<double>()[i] == 0) continue;
            at::Tensor &gradient = tensors[i].mutable_grad();
            if (!gradient.defined() || gradient.strides() != tensors[i].strides()) gradient = at::empty_like(tensors[i]);
            flat(gradient).copy_(bucket.slot(i, tensors[i]));
        }
    });
}

ctorch_status ctorch_group_sum(ctorch_group *handle, ctorch_tensor *const *list, int32_t count, double scale) {
    return exchanging(handle, "sum", [&](Group &group) {
        std::vector<at::Tensor> tensors;
        for (int32_t i = 0; i < count; i++) tensors.push_back(in(list[i]));
        Bucket bucket(tensors, 0);
        agree(group, bucket.values.numel(), "brings");
        for (size_t i = 0; i < tensors.size(); i++) bucket.slot(i, tensors[i]).copy_(flat(dense(tensors[i])));
        sum(group, bucket.values);
        if (scale != 1) bucket.values.mul_(scale);
        for (size_t i = 0; i < tensors.size(); i++) {
            // Back in the order in which it was read.
            at::Tensor own = dense(tensors[i]);
            flat(own).copy_(bucket.slot(i, tensors[i]));
            if (!own.is_same(tensors[i])) tensors[i].copy_(own);
        }
    });
}

ctorch_status ctorch_group_broadcast(ctorch_group *handle, ctorch_tensor *const *list, int32_t count) {
    return exchanging(handle, "broadcast from rank 0", [&](Group &group) {
        for (int32_t i = 0; i < count; i++) {
            const at::Tensor &x = in(list[i]);
            agree(group, x.numel(), "takes");
            std::vector<at::Tensor> here{x.to(at::kCPU).contiguous().clone(at::MemoryFormat::Contiguous)};
            c10d::BroadcastOptions options;
            options.rootRank = 0;
            options.timeout = group.timeout;
            wait(group.gloo->broadcast(here, options));
            if (group.rank != 0) mut(list[i]).copy_(here[0]);
        }
    });
}

ctorch_status ctorch_group_barrier(ctorch_group *handle) {
    return exchanging(handle, "barrier", [&](Group &group) {
        c10d::BarrierOptions options;
        options.timeout = group.timeout;
        wait(group.gloo->barrier(options));
    });
}

ctorch_status ctorch_group_gather(ctorch_group *handle, const ctorch_tensor *x, ctorch_tensor **out) {
    return exchanging(handle, "gathering", [&](Group &group) {
        const at::Tensor own = in(x).detach().to(at::kCPU).contiguous();
        // Type, rank and sizes of up to 14 dimensions first.
        if (own.dim() > 14) misuse("a tensor of ", own.dim(), " dimensions; expected at most 14");
        at::Tensor form = at::zeros({16}, at::kLong);
        form[0] = static_cast<int64_t>(own.scalar_type());
        form[1] = own.dim();
        for (int64_t i = 0; i < own.dim(); i++) form[i + 2] = own.size(i);
        const auto forms = gather(group, form);
        for (int rank = 0; rank < group.size; rank++) {
            if (!forms[static_cast<size_t>(rank)].equal(form))
                misuse("rank ", rank, " brings a tensor of another shape or type than the one of ", own.scalar_type(), own.sizes(), " on rank ", group.rank);
        }
        *out = owned(at::stack(gather(group, own)));
    });
}

#else

namespace {

ctorch_status lacking() {
    return shim::guarded([] {
        TORCH_CHECK(false, "this program was built without libtorch's gloo engine, so that it trains in one process only; build it with gloo's headers of the ",
            "version that libtorch has (Debian: libgloo-dev; another libtorch: gloo's headers in its include folder)");
    });
}

}  // namespace

bool ctorch_has_groups(void) { return false; }
ctorch_status ctorch_group_create(const char *, int32_t, int32_t, int32_t, double, ctorch_group **) { return lacking(); }
void ctorch_group_release(ctorch_group *) {}
ctorch_status ctorch_group_sum_gradients(ctorch_group *, ctorch_tensor *const *, int32_t) { return lacking(); }
ctorch_status ctorch_group_sum(ctorch_group *, ctorch_tensor *const *, int32_t, double) { return lacking(); }
ctorch_status ctorch_group_broadcast(ctorch_group *, ctorch_tensor *const *, int32_t) { return lacking(); }
ctorch_status ctorch_group_barrier(ctorch_group *) { return lacking(); }
ctorch_status ctorch_group_gather(ctorch_group *, const ctorch_tensor *, ctorch_tensor **) { return lacking(); }

#endif
