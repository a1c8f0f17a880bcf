about = What comes in at one end goes out at the other, once
seconds = 11
processes
    last = godwit lab-peer work --bind {endpoint} --dir {dir} --stage c
        audit = godwit lab-peer audit --dir {dir}
    middle = godwit lab-peer work --bind {endpoint} --dir {dir} --stage b --onward c --connect {last}
    first = godwit lab-peer work --bind {endpoint} --dir {dir} --stage a --onward b --connect {middle}
    sender = godwit lab-peer push --connect {first} --dir {dir} --stage a --messages 5000 --rate 700 --passed-on
random
    from = 1
    until = 7
    every = 250ms
    orders
        1 = kill first|middle|last|sender for 50ms..400ms
        2 = cut first-middle|middle-last|sender-first
