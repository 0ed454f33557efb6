// SPDX-License-Identifier: BSL-1.0
/// Publish and subscribe: topics, and subscriptions in this program. Needs antiphon::core only.
#pragma once

#include <antiphon/pubsub/subscription.hpp>
#include <antiphon/pubsub/topic.hpp>
#include <antiphon/pubsub/topic_map.hpp>
