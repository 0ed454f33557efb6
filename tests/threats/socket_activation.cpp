// SPDX-License-Identifier: BSL-1.0
// Programs that are given their sockets, right ones and wrong ones, as systemd gives them.
#include "../support/child_process.hpp"
#include "../support/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <fcntl.h>

namespace {

namespace t = threat;

/// A socket of the test's own.
struct given {
  explicit given(int family, bool listens = true, int type = SOCK_STREAM) : descriptor(::socket(family, type, 0)) {
    if (family == AF_UNIX) {
      sockaddr_un at{};
      at.sun_family = AF_UNIX;
      path = folder / "s";
      path.copy(at.sun_path, sizeof at.sun_path - 1);
      EXPECT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
    } else {
      sockaddr_in at{};
      at.sin_family = AF_INET;
      at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      EXPECT_EQ(::bind(descriptor, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
      socklen_t size = sizeof at;
      ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&at), &size);
      port = ntohs(at.sin_port);
    }
    if (listens) {
      EXPECT_EQ(::listen(descriptor, 100), 0);
    }
    ::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  given(const given&) = delete;
  ~given() { ::close(descriptor); }

  int descriptor;
  std::uint16_t port = 0;
  antiphon_tests::temporary_folder folder;
  std::string path;
};

/// The program, with variables that name it: its shell has its process id.
t::child_process start(const std::string& variables, const std::string& threads, const std::vector<int>& sockets) {
  return t::child_process({"sh", "-c", variables + " exec \"$0\" inherited \"$1\"",
                           ANTIPHON_TEST_PROGRAMS "/antiphon_threats_server", threads},
                          sockets);
}

template <class To>
std::string ask(const To& where, std::string_view target) {
  t::raw_client client(where);
  client.send(t::get(target));
  return client.response().body;
}

TEST(socket_activation, gives_a_port_and_a_unix_socket) {
  for (const std::string threads : {"1", "3"}) {
    const given tcp(AF_INET), local(AF_UNIX);
    // A client that comes before the program does is served: that is what it is for.
    t::raw_client early(tcp.port);
    ASSERT_TRUE(early.send(t::get("/left")));
    auto child =
        start("LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:admin", threads, {tcp.descriptor, local.descriptor});
    ASSERT_TRUE(child.says("listening on unix:" + local.path)) << child.log();
    EXPECT_NE(child.log().find("listening on http://127.0.0.1:" + std::to_string(tcp.port)), std::string::npos);
    EXPECT_EQ(early.response().body, "closed closed ");
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(ask(local.path, "/peer"), "unix:");
      EXPECT_TRUE(ask(tcp.port, "/peer").starts_with("127.0.0.1:"));
    }
    child.signal(SIGTERM);
    EXPECT_EQ(child.wait(), 0) << child.log();
    // The sockets are systemd's: they go on listening, and the name stays.
    EXPECT_TRUE(t::raw_client(local.path).connected());
    EXPECT_TRUE(t::raw_client(tcp.port).connected());
  }
}

TEST(socket_activation, is_not_for_another_process) {
  const given tcp(AF_INET);
  for (const std::string variables : {"LISTEN_PID=1 LISTEN_FDS=1", "LISTEN_PID=$$ LISTEN_FDS=0", "true;"}) {
    auto child = start(variables, "1", {tcp.descriptor});
    const auto port = child.port();
    EXPECT_NE(port, 0) << child.log(); // it listens where its options say
    EXPECT_NE(port, tcp.port);
    child.signal(SIGTERM);
    EXPECT_EQ(child.wait(), 0) << child.log();
  }
}

TEST(socket_activation, refuses_in_a_sentence_what_is_no_listener) {
  const given good(AF_INET), deaf(AF_INET, false), datagrams(AF_INET, false, SOCK_DGRAM);
  const int file = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  struct {
    std::string variables;
    std::vector<int> sockets;
    const char* sentence;
  } const cases[] = {
      {"LISTEN_PID=$$ LISTEN_FDS=1", {file}, "descriptor 3 is no socket"},
      {"LISTEN_PID=$$ LISTEN_FDS=1", {datagrams.descriptor}, "descriptor 3 is no stream socket: say ListenStream="},
      {"LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=a:b",
       {good.descriptor, deaf.descriptor},
       "descriptor 4 (b) does not listen: say Accept=no"},
      {"LISTEN_PID=$$ LISTEN_FDS=900", {good.descriptor}, "socket activation: descriptor "},
      {"LISTEN_PID=$$ LISTEN_FDS=1001", {good.descriptor}, "LISTEN_FDS is no number from 0 to 1000: '1001'"},
      {"LISTEN_PID=$$ LISTEN_FDS=-1", {good.descriptor}, "LISTEN_FDS is no number"},
      {"LISTEN_PID=me LISTEN_FDS=1", {good.descriptor}, "LISTEN_PID is no number: 'me'"},
      {"LISTEN_PID=$$", {good.descriptor}, "LISTEN_FDS is no number from 0 to 1000: ''"},
  };
  for (const auto& c : cases) {
    auto child = start(c.variables, "1", c.sockets);
    EXPECT_EQ(child.wait(), 1) << c.sentence;
    EXPECT_NE(child.log().find(c.sentence), std::string::npos) << child.log();
  }
  ::close(file);
}

} // namespace
