// A chat page in React. The development server of Vite forwards `/v1` to the server at TABBY_URL, so that page and server have one origin.
import { createRoot } from "react-dom/client";
import { Tabby } from "tabbyapi";
import { Chat } from "./Chat.jsx";

const { VITE_TABBY_API_KEY } = import.meta.env;

createRoot(document.getElementById("root")).render(<Chat tabby={new Tabby({ baseURL: "/", apiKey: VITE_TABBY_API_KEY })} />);
