about = One is cut off, halves are, and a link that flaps
covers = N11 L03
seconds = 14
processes
    one = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    two = godwit lab-peer work --bind {endpoint} --dir {dir}
        audit = godwit lab-peer audit --dir {dir}
    sender = godwit lab-peer push --connect {one} --connect {two} --dir {dir} --messages 8000 --rate 800
actions
    1.0 = drop sender-one for 1500ms
    3.5 = drop sender-one for 1s
    3.5 = drop sender-two for 1s
    5..8/0.2 = cut sender-two for 100ms
