about = Handlers that give back and refuse
seconds = 12
processes
    worker = godwit lab-peer work --bind {endpoint} --dir {dir} --nack 10 --reject 1
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {worker} --dir {dir} --messages 4000 --rate 1000
actions
    2 = kill worker for 300ms
    3 = cut sender-worker
