// The worker of web push. Your shop serves one file /attune-worker.js that holds one line:
//
//   importScripts("https://ATTUNE/static/attune/push/worker.js");
"use strict";

self.addEventListener("push", function (event) {
  var said = {};
  try {
    said = event.data ? event.data.json() : {};
  } catch (fault) {
    return; // not one of ours
  }
  if (!said.title) {
    return;
  }
  event.waitUntil(self.registration.showNotification(said.title, {
    body: said.body || "",
    data: { url: said.url, unsubscribe: said.unsubscribe },
    actions: said.unsubscribe ? [{ action: "unsubscribe", title: said.unsubscribe_label || "Unsubscribe" }] : []
  }));
});

self.addEventListener("notificationclick", function (event) {
  var data = event.notification.data || {};
  event.notification.close();
  if (event.action === "unsubscribe" && data.unsubscribe) {
    // One post is enough (RFC 8058), as of a mailbox provider: no page, no login.
    event.waitUntil(fetch(data.unsubscribe, {
      method: "POST", mode: "no-cors", credentials: "omit", body: new URLSearchParams({ "List-Unsubscribe": "One-Click" })
    }));
  } else if (data.url) {
    event.waitUntil(self.clients.openWindow(data.url));
  }
});
