// Web push for a page of your shop. Needs nothing else; see “Web push” in the API reference.
//
//   <script src="https://ATTUNE/static/attune/push/shop.js"></script>
//   attunePush.subscribe(answer)    on a press of your button; `answer` is what POST /api/v1/push/tokens/ gave your server
//   attunePush.unsubscribe(answer)  on a press of the other one
//   attunePush.isOn()               for the state of the switch
//
// Show `answer.notice.text` beside the button: that these words were shown is part of the consent.
(function () {
  "use strict";
  var base = new URL(document.currentScript.src);
  var api = base.origin + base.pathname.replace(/static\/attune\/push\/shop(\.[0-9a-f]+)?\.js$/, "") + "api/v1/push/subscriptions/";
  var WORKER = "/attune-worker.js"; // on your own origin: browsers take a worker from nowhere else

  function bytes(text) {
    var plain = atob((text + "===".slice((text.length + 3) % 4)).replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (letter) { return letter.charCodeAt(0); });
  }

  function call(method, answer, body) {
    return fetch(api, {
      method: method,
      credentials: "omit",
      headers: { "Content-Type": "application/json", Authorization: "Bearer " + answer.token },
      body: JSON.stringify(body)
    }).then(function (response) {
      if (!response.ok) {
        return response.json().catch(function () { return {}; }).then(function (problem) {
          throw new Error(problem.detail || problem.title || "Attune answered " + response.status + ".");
        });
      }
      return response.status === 201 ? null : response.json();
    });
  }

  function current() {
    return navigator.serviceWorker.getRegistration(WORKER).then(function (registration) {
      return registration ? registration.pushManager.getSubscription() : null;
    });
  }

  function same(key, wanted) {
    var have = new Uint8Array(key || new ArrayBuffer(0));
    return have.length === wanted.length && have.every(function (byte, place) { return byte === wanted[place]; });
  }

  window.attunePush = {
    isSupported: function () {
      return "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;
    },

    isOn: function () {
      return this.isSupported() ? current().then(Boolean) : Promise.resolve(false);
    },

    // Rejects with the reason when somebody refuses, or the words that were shown do not hold any more.
    subscribe: function (answer) {
      var key = bytes(answer.public_key);
      return Notification.requestPermission().then(function (said) {
        if (said !== "granted") {
          throw new Error("Notifications are not allowed in this browser.");
        }
        return navigator.serviceWorker.register(WORKER);
      }).then(function () {
        return navigator.serviceWorker.ready;
      }).then(function (registration) {
        return registration.pushManager.getSubscription().then(function (old) {
          // A subscription under an earlier key cannot be written to.
          return old && !same(old.options.applicationServerKey, key) ? old.unsubscribe() : null;
        }).then(function () {
          return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
        });
      }).then(function (subscription) {
        return call("POST", answer, {
          subscription: subscription.toJSON(), notice: answer.notice.version, language: answer.notice.language
        });
      });
    },

    unsubscribe: function (answer) {
      return current().then(function (subscription) {
        if (!subscription) {
          return null;
        }
        // Here first: whatever becomes of the browser's own, nothing is sent to it any more.
        return call("DELETE", answer, { endpoint: subscription.endpoint }).then(function () {
          return subscription.unsubscribe();
        });
      });
    }
  };
})();
