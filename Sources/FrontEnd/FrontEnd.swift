// FrontEnd
