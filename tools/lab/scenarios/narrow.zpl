about = A link of 8 kilobytes a second
covers = N08
seconds = 20
settle = 30
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 1500 --rate 300
actions
    1 = throttle sender-worker 8k for 6s
