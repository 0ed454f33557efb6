// SPDX-License-Identifier: BSL-1.0
// A page with a form; what a browser uploads by it goes to disk as it comes, part by part, and is shown. No more than a
// piece of it stands in memory, and files block a thread that is there for it, not the server.
//
//   $ curl -s localhost:8080/
//   > enctype="multipart/form-data"
//   $ printf 'GIF89a' | curl -s -i -F 'title=a <b>' -F 'image=@-;filename=x.gif;type=image/gif' localhost:8080/images
//   > ^HTTP/1.1 303 [\s\S]*Location: /\s
//   $ curl -s localhost:8080/; curl -s -i localhost:8080/images/0
//   > <img src="/images/0" alt="a &lt;b&gt;">[\s\S]*Content-Type: image/gif\s[\s\S]*GIF89a$
//   $ echo '<script>' | curl -s -i -F 'image=@-;filename=x.html;type=text/html' localhost:8080/images
//   > ^HTTP/1.1 415
//   $ curl -s -i -F 'title=no image' localhost:8080/images; curl -s -i -d 'title=no form' localhost:8080/images
//   > ^HTTP/1.1 400 [\s\S]*HTTP/1.1 415 [\s\S]*the Content-Type of the body is not one that is read here
#include <antiphon/http/multipart_reader.hpp>
#include <antiphon/server.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

namespace ap = antiphon;

constexpr const char* page = R"(<!doctype html><meta charset="utf-8"><title>Images</title>
<form action="/images" method="post" enctype="multipart/form-data">
<input name="title" placeholder="title"> <input type="file" name="image" accept="image/*">
<button>upload</button></form>
)";

struct picture {
  std::string title, type, path;
  // The type is the client's word: only what no browser runs as a page of ours is taken.
  bool good() const { return type == "image/png" || type == "image/jpeg" || type == "image/gif"; }
};

int main(int argc, char** argv) {
  asio::io_context io;
  asio::thread_pool disk(1);
  const auto folder = std::filesystem::temp_directory_path() / ("images-" + std::to_string(std::random_device()()));
  std::filesystem::create_directory(folder);
  std::vector<picture> pictures;
  int last = 0;

  ap::router app;
  app.get("/", [&] {
    std::string out = page;
    for (std::size_t i = 0; i < pictures.size(); ++i)
      out += "<img src=\"/images/" + std::to_string(i) + "\" alt=\"" + ap::html_escape(pictures[i].title) + "\">\n";
    return ap::html(out);
  });
  const auto upload = [&](ap::request& req) -> asio::awaitable<ap::response> {
    picture made;
    ap::multipart_reader parts(req); // what is wrong with the form throws, and is answered: 400, 413, 415
    while (auto* part = co_await parts.next_part()) {
      if (part->name() == "title") made.title = co_await part->read_all(1000);
      if (part->name() != "image" || !made.path.empty()) continue; // what is not read is passed over
      made.type = part->content_type();
      if (!made.good()) co_return ap::status::unsupported_media_type;
      made.path = (folder / std::to_string(++last)).string(); // a name of our own choice
      co_await part->save_to(made.path, disk);
    }
    if (made.path.empty()) co_return ap::status::bad_request;
    pictures.push_back(made);
    co_return ap::redirect("/");
  };
  app.post("/images", upload, {.max_body = 10 * 1024 * 1024, .streamed = true});
  app.get("/images/{number}", [&](ap::request& req) -> ap::response {
    const auto number = std::strtoul(std::string(req.param("number")).c_str(), nullptr, 10);
    if (number >= pictures.size()) return ap::status::not_found;
    std::ifstream in(pictures[number].path, std::ios::binary);
    return ap::response(std::string(std::istreambuf_iterator<char>(in), {}))
        .set("Content-Type", pictures[number].type)
        .set("X-Content-Type-Options", "nosniff");
  });
  const int result = ap::run(io, app, {.port = static_cast<std::uint16_t>(argc > 1 ? std::atoi(argv[1]) : 8080)});
  std::filesystem::remove_all(folder);
  return result;
}
