// What a window of the benchmark sees of itself: frames, tasks, the time of keys. Loaded before the page.
(() => {
  const watch = { frames: [], tasks: [], keys: [] }
  window.benchWatch = watch
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) watch.tasks.push(one.duration)
  }).observe({ entryTypes: ['longtask'] })
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) if (one.name === 'keydown') watch.keys.push(one.duration)
  }).observe({ type: 'event', durationThreshold: 16 })

  let last = 0
  const frame = (now) => {
    if (watch.on && last) watch.frames.push(now - last)
    last = now
    requestAnimationFrame(frame)
  }
  requestAnimationFrame(frame)

  watch.begin = () => Object.assign(watch, { frames: [], tasks: [], keys: [], on: true })
  watch.end = () => {
    watch.on = false
    return { frames: watch.frames, tasks: watch.tasks, keys: watch.keys }
  }

  // Once what `holds` asks for is there, when the frame that shows it has been made.
  watch.shown = (holds) =>
    new Promise((resolve) => {
      const look = () => {
        if (!holds()) return false
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel()
          port1.onmessage = () => resolve(performance.now())
          port2.postMessage(null)
        })
        return true
      }
      if (look()) return
      const observer = new MutationObserver(() => look() && observer.disconnect())
      observer.observe(document, { subtree: true, childList: true, attributes: true, characterData: true })
    })
})()
