// SPDX-License-Identifier: BSL-1.0
// A page with a form; what a browser uploads by it goes to disk as it comes, part by part, and is shown. No more than a
// piece of it stands in memory, and files block a thread that is there for it, not the server.
//
//   $ curl -s localhost:8080/
//   > enctype="multipart/form-data"
//   $ printf 'GIF89a' | curl -s -i -F 'title=a <b>' -F 'image=@-;filename=x.gif;type=image/gif' localhost:8080/images
//   > ^HTTP/1.1 303 [\s\S]*Location: /\s
//   $ curl -s localhost:8080/; curl -s -i localhost:8080/images/1.gif
//   > <img src="/images/1.gif" alt="a &lt;b&gt;">[\s\S]*Content-Type: image/gif\s[\s\S]*GIF89a$
//   $ echo '<script>' | curl -s -i -F 'image=@-;filename=x.html;type=text/html' localhost:8080/images
//   > ^HTTP/1.1 415
//   $ curl -s -i -F 'title=no image' localhost:8080/images; curl -s -i -d 'title=no form' localhost:8080/images
//   > ^HTTP/1.1 400 [\s\S]*HTTP/1.1 415 [\s\S]*the Content-Type of the body is not one that is read here
#include <antiphon/http/html_escape.hpp>
#include <antiphon/http/multipart_reader.hpp>
#include <antiphon/server.hpp>
#include <antiphon/server/files.hpp>
#include <antiphon/server/layers/secure_headers.hpp>

#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace ap = antiphon;

constexpr const char* page = R"(<!doctype html><meta charset="utf-8"><title>Images</title>
<form action="/images" method="post" enctype="multipart/form-data">
<input name="title" placeholder="title"> <input type="file" name="image" accept="image/*">
<button>upload</button></form>
)";

struct picture {
  std::string title, name;
};
// The type is the client's word: only what no browser runs as a page of ours is taken.
std::string_view ending_of(std::string_view type) {
  return type == "image/png" ? ".png" : type == "image/jpeg" ? ".jpg" : type == "image/gif" ? ".gif" : "";
}

int main(int argc, char** argv) {
  asio::io_context io;
  asio::thread_pool disk(1);
  const auto folder = std::filesystem::temp_directory_path() / ("images-" + std::to_string(std::random_device()()));
  std::filesystem::create_directory(folder);
  std::vector<picture> pictures;
  int last = 0;

  ap::router app;
  app.use(ap::secure_headers()); // X-Content-Type-Options: nosniff, too
  app.get("/", [&] {
    std::string out = page;
    for (const auto& p : pictures)
      out += "<img src=\"/images/" + p.name + "\" alt=\"" + ap::html_escape(p.title) + "\">\n";
    return ap::html(out);
  });
  const auto upload = [&](ap::request& req) -> asio::awaitable<ap::response> {
    std::string title;
    ap::multipart_reader parts(req); // what is wrong with the form throws, and is answered: 400, 413, 415
    while (auto* part = co_await parts.next_part()) {
      if (part->name() == "title") title = co_await part->read_all(1000);
      if (part->name() != "image") continue; // what is not read is passed over
      const auto ending = ending_of(part->content_type());
      if (ending.empty()) co_return ap::status::unsupported_media_type;
      const auto name = std::to_string(++last) + std::string(ending); // of our own choice
      co_await part->save_to((folder / name).string(), disk);
      pictures.push_back({title, name});
      co_return ap::redirect("/"); // what may come behind it is not read: nothing there can undo this
    }
    co_return ap::status::bad_request;
  };
  app.post("/images", upload, {.max_body = 10 * 1024 * 1024, .streamed = true});
  app.get("/images/{path...}", ap::files(folder.string(), disk));
  const int result = ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
  std::filesystem::remove_all(folder);
  return result;
}
