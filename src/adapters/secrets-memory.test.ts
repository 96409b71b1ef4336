import { secretsContract } from "../../tests/contracts/secrets.ts";
import { memorySecrets } from "./secrets-memory.ts";

secretsContract("in memory", async (work) => await work(memorySecrets()));
