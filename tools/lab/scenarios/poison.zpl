# One attempt in 500 ends the worker's process while its handler is at work.
about = Handlers that die of some messages
covers = P06
seconds = 25
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir} --crash 0.2
        audit = godwit lab-peer audit --dir {dir}
        restart = 100ms
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 3000 --rate 600
